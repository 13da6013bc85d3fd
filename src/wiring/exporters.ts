/** Reads from time to time what the exporters beside upstreams tell of their machines. */
import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/schema.ts';
import type { Upstream } from '../core/exchange.ts';
import { type CpuSeconds, readUtilisation, type Utilisation } from '../fleet/utilisation.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { createDialer, type Dialer } from '../net/dialer.ts';
import { addressOfUrl, namedBy } from '../net/named-by.ts';
import type { NamedBy } from '../net/outgoing-url.ts';
import type { Log } from '../telemetry/log.ts';

export interface ExportersOptions {
  readonly clock: Clock;
  readonly log: Pick<Log, 'debug'>;
}

const timeoutMs = 5_000;
/** A machine with many processors and disks fills a page of hundreds of kilobytes. */
const pageBytesMax = 4 * 1024 * 1024;

export class Exporters {
  readonly #options: ExportersOptions;
  readonly #dialer: Dialer;
  /** By the names of upstreams. */
  #pages = new Map<string, ExporterPage>();

  constructor(options: ExportersOptions) {
    this.#options = options;
    this.#dialer = createDialer({ clock: options.clock });
  }

  /** Nothing where no exporter is configured, or where it does not answer. */
  of({ name }: Upstream): Utilisation | undefined {
    return this.#pages.get(name)?.utilisation;
  }

  /** What the GPUs of its machine have left, where that is told. */
  freeBytes(upstream: Upstream): number | undefined {
    const { gpuUsedBytes, gpuTotalBytes } = this.of(upstream) ?? {};
    return gpuUsedBytes === undefined || gpuTotalBytes === undefined
      ? undefined
      : gpuTotalBytes - gpuUsedBytes;
  }

  follow({ upstreams, health, strangers }: Pick<Config, 'upstreams' | 'health' | 'strangers'>): void {
    const before = this.#pages;
    this.#pages = new Map();
    for (const [name, upstream] of Object.entries(upstreams)) {
      const url = 'exporter' in upstream ? upstream.exporter : undefined;
      if (url === undefined) continue;
      const kept = before.get(name);
      const place = { name, url, everyMs: health.everyMs, namedBy: namedBy(addressOfUrl(url), strangers) };
      const same = kept !== undefined && isDeepStrictEqual(kept.place, place);
      if (same) before.delete(name);
      const context = { ...this.#options, dialer: this.#dialer };
      this.#pages.set(name, same ? kept : new ExporterPage(place, context));
    }
    for (const page of before.values()) page.close();
  }

  close(): void {
    for (const page of this.#pages.values()) page.close();
  }
}

interface Place {
  readonly name: string;
  readonly url: string;
  readonly everyMs: number;
  readonly namedBy: NamedBy;
}

class ExporterPage {
  readonly place: Place;
  utilisation: Utilisation | undefined;
  readonly #context: ExportersOptions & { readonly dialer: Dialer };
  readonly #closing = new AbortController();
  #cpu: CpuSeconds | undefined;
  #timer: Timer | undefined;

  constructor(place: Place, context: ExportersOptions & { readonly dialer: Dialer }) {
    this.place = place;
    this.#context = context;
    void this.#look();
  }

  close(): void {
    this.#closing.abort();
    this.#timer?.cancel();
  }

  async #look(): Promise<void> {
    const { signal } = this.#closing;
    try {
      await this.#read(signal);
    } catch (thrown) {
      // What it said before is older than anybody would take it for.
      this.utilisation = undefined;
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      if (!signal.aborted)
        this.#context.log.debug({ upstream: this.place.name, message }, 'an exporter does not tell');
    }
    if (signal.aborted) return;
    const waitMs = this.place.everyMs * (0.9 + Math.random() * 0.2);
    this.#timer = this.#context.clock.after(waitMs, () => void this.#look());
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { url, namedBy } = this.place;
    const answer = await this.#context.dialer.request(url, {
      namedBy,
      timeoutMs,
      signal,
      bodyBytesMax: pageBytesMax,
    });
    if (answer.status !== 200) throw new Error(`it answered with ${answer.status}`);
    const { utilisation, cpu } = readUtilisation(Buffer.from(answer.body).toString('utf8'), this.#cpu);
    this.#cpu = cpu;
    this.utilisation = utilisation;
  }
}
