// One run's processes: the mock, the generator, the contestants; and the few things that a cell does with them.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as after } from 'node:timers/promises';
import type { HistogramSummary } from '../src/bench/histogram.ts';
import type { HoldOptions } from '../src/bench/hold.ts';
import type { LoadOptions } from '../src/bench/load.ts';
import type { LoadResult } from '../src/bench/load-tally.ts';
import { Child, freePort, type Pinning } from './child.ts';
import { type Contestant, clientKey, type Site } from './contestants/contestant.ts';
import type { Order } from './generator.ts';
import type { MockMode } from './mock.ts';
import { shortPrompt, streamedPrompt } from './payloads.ts';
import { type Usage, usageOfTree } from './proc.ts';

type Histograms = 'total' | 'firstByte' | 'firstContent' | 'gaps' | 'lateness';
/** A load's result as it comes from the generator's process. */
export type LoadReport = Omit<LoadResult, Histograms> & Record<Histograms, HistogramSummary>;

export type LoadOrder = Omit<LoadOptions, 'url' | 'headers' | 'signal' | 'onProgress' | 'body'> & {
  body: string;
};
export type HoldOrder = Omit<HoldOptions, 'url' | 'headers' | 'signal'>;

/** Something that answers: a running contestant, or the mock itself as `direct`. */
export interface Running {
  readonly name: string;
  readonly url: string;
  /** Of its process; 0 where there is none. */
  readonly id: number;
  readonly headers: Readonly<Record<string, string>>;
  /** From the start of the process to its first 200. */
  readonly startMs: number;
  /** Undefined for `direct`, which has no process between. */
  usage(): Usage | undefined;
  stop(): Promise<void>;
}

const readyMs = 15_000;
const answerPauseMs = 2;
/** For whole answers, and once more for streams. */
const warmUpMs = 700;
const path = '/v1/chat/completions';

export class Rig {
  readonly folder: string;
  readonly pinning: Pinning;
  readonly #mockPort: number;
  readonly #mock: Child;
  readonly #generator: Child;
  #sites = 0;

  private constructor(folder: string, pinning: Pinning, mockPort: number) {
    this.folder = folder;
    this.pinning = pinning;
    this.#mockPort = mockPort;
    const program = (name: string, ...args: string[]) => ({
      file: process.execPath,
      args: [join(import.meta.dirname, name), ...args],
    });
    const options = { logFolder: folder, hasIpc: true };
    this.#mock = new Child(program('mock.ts', String(mockPort)), { ...options, core: pinning.mock });
    this.#generator = new Child(program('generator.ts'), { ...options, core: pinning.generator });
  }

  static async open(folder: string, pinning: Pinning): Promise<Rig> {
    const rig = new Rig(folder, pinning, await freePort());
    await Promise.all([rig.#mock.ask(undefined, readyMs), rig.#generator.ask(undefined, readyMs)]);
    return rig;
  }

  get direct(): Running {
    return {
      name: 'direct',
      url: `http://127.0.0.1:${this.#mockPort}${path}`,
      headers: { authorization: `Bearer ${clientKey}` },
      id: 0,
      startMs: 0,
      usage: () => undefined,
      stop: async () => undefined,
    };
  }

  async start(contestant: Contestant): Promise<Running> {
    const site = await this.#prepareSite(contestant.name);
    await this.setMode({ kind: 'whole', isSplit: false });
    const startedAt = performance.now();
    const child = new Child(contestant.command(site), { core: this.pinning.gateway, logFolder: this.folder });
    const url = `http://127.0.0.1:${site.port}${path}`;
    const headers = contestant.headers(site);
    const startMs = await waitForAnswer({ child, url, headers, startedAt });
    return {
      name: contestant.name,
      url,
      headers,
      id: child.id,
      startMs,
      usage: () => usageOfTree(child.id),
      stop: () => child.stop(),
    };
  }

  async setMode(mode: MockMode): Promise<void> {
    await this.#mock.ask(mode, readyMs);
  }

  async load(target: Running, order: LoadOrder): Promise<LoadReport> {
    const options: LoadOptions = { ...order, url: target.url, headers: target.headers };
    const timeoutMs = order.durationMs + (order.drainMs ?? order.timeoutMs ?? 60_000) + readyMs;
    return await this.#order<LoadReport>({ kind: 'load', options }, timeoutMs);
  }

  /** Lets a contestant compile what it will need, so that the first round is a round like the others. */
  async warmUp(target: Running): Promise<void> {
    const order = {
      arrivals: { kind: 'closed' },
      connections: 32,
      durationMs: warmUpMs,
      timeoutMs: 5_000,
    } as const;
    await this.setMode({ kind: 'whole', isSplit: false });
    await this.load(target, { ...order, body: shortPrompt, expect: 'whole' });
    await this.setMode({ kind: 'stream', deltas: 50, paceMs: 0 });
    await this.load(target, { ...order, body: streamedPrompt, expect: 'sse' });
  }

  async hold(target: Running, order: HoldOrder): Promise<{ opened: number; failed: number }> {
    const options: HoldOptions = { ...order, url: target.url, headers: target.headers };
    return await this.#order({ kind: 'hold', options }, (order.timeoutMs ?? 60_000) + readyMs);
  }

  async release(): Promise<{ lost: number }> {
    return await this.#order({ kind: 'release' }, readyMs);
  }

  /** What mock and generator used up: both together where they share a core. */
  usage(): Usage {
    const mock = usageOfTree(this.#mock.id);
    const generator = usageOfTree(this.#generator.id);
    return { cpuMs: mock.cpuMs + generator.cpuMs, rssKb: mock.rssKb + generator.rssKb };
  }

  async close(): Promise<void> {
    await Promise.all([this.#mock.stop(), this.#generator.stop()]);
  }

  async #prepareSite(name: string): Promise<Site> {
    this.#sites += 1;
    const folder = join(this.folder, `${name}-${this.#sites}`);
    mkdirSync(folder);
    return { port: await freePort(), adminPort: await freePort(), mockPort: this.#mockPort, folder };
  }

  async #order<T>(order: Order, timeoutMs: number): Promise<T> {
    const answer = (await this.#generator.ask(order, timeoutMs)) as { result?: T; error?: string };
    if (answer.result === undefined) throw new Error(`the generator: ${answer.error}`);
    return answer.result;
  }
}

interface Starting {
  readonly child: Child;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly startedAt: number;
}

async function waitForAnswer(starting: Starting): Promise<number> {
  const { child, startedAt } = starting;
  while (performance.now() - startedAt < readyMs) {
    if (!child.isRunning) throw new Error(`it ended at once: ${child.lastWords}`);
    if (await hasAnswered(starting)) return performance.now() - startedAt;
    await after(answerPauseMs);
  }
  await child.stop();
  throw new Error(`no 200 within ${readyMs} ms: ${child.lastWords}`);
}

async function hasAnswered({ url, headers }: Starting): Promise<boolean> {
  try {
    const reply = await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', connection: 'close' },
      body: shortPrompt,
      signal: AbortSignal.timeout(2_000),
    });
    await reply.arrayBuffer();
    return reply.ok;
  } catch (error) {
    // Not listening yet; whether that lasts too long is the caller's to say.
    if (error instanceof TypeError || (error instanceof Error && error.name === 'TimeoutError')) return false;
    throw error;
  }
}
