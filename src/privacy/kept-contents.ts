/**
 * Prompts and answers on their way into the store: sealed and written in batches, after their exchanges have ended. What
 * comes while too much is waiting is dropped and counted: nobody waits for it, and memory is not the place to keep it.
 */
import type { Content, SealedContent } from '../core/content.ts';
import { asFailure } from '../core/failure.ts';
import type { Contents, Sealers } from '../core/ports.ts';
import { isOf, type Subject } from '../core/subject.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { sealContent } from './sealed-content.ts';

export interface KeptContentsOptions {
  readonly clock: Clock;
  readonly contents: Pick<Contents, 'append'>;
  readonly sealers: Pick<Sealers, 'of'>;
  /** Once when the first is dropped, and then each minute with how many were. Never what they said. */
  readonly onLost: (count: number, message: string) => void;
  /** From now on there is something whose time will be over. */
  readonly onKept: () => void;
}

interface Waiting {
  readonly content: Content;
  readonly days: number;
  readonly bytes: number;
}

const waitingMax = 4_096;
/** What they take in memory as they wait, as far as it is known: texts of clients may be large. */
const waitingBytesMax = 32 * 1024 * 1024;
const batchMax = 64;
const flushEveryMs = 1_000;
const tellEveryMs = 60_000;

export class KeptContents {
  readonly #options: KeptContentsOptions;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #timer: Timer | undefined;
  #flushing: Promise<void> | undefined;
  #untold = 0;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  lost = 0;

  constructor(options: KeptContentsOptions) {
    this.#options = options;
  }

  /** Neither waits nor throws. `bytes` is about what it takes in memory. */
  add(content: Content, { days, bytes }: { readonly days: number; readonly bytes: number }): void {
    if (this.#waiting.length >= waitingMax || this.#bytes + bytes > waitingBytesMax) {
      this.#lose(1, 'too many wait for the store already');
      return;
    }
    this.#waiting.push({ content, days, bytes });
    this.#bytes += bytes;
    this.#flushLater();
  }

  /** What waits and is theirs is never written. */
  forget(subject: Subject): void {
    this.#keepOnly(({ content }) => !isOf(content.owner, subject));
  }

  /** Writes what waits, as far as the store takes it. Never rejects. */
  flush(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#flushing ??= this.#flushAll().finally(() => {
      this.#flushing = undefined;
      this.#flushLater();
    });
    return this.#flushing;
  }

  async close(): Promise<void> {
    await this.flush();
    this.#timer?.cancel();
    if (this.#waiting.length > 0) this.#lose(this.#waiting.length, 'the gateway has stopped');
    this.#waiting = [];
  }

  async #flushAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, batchMax);
      try {
        await this.#write(batch);
      } catch (thrown) {
        const failure = asFailure(thrown);
        // The store tells of itself when it is away; they wait for it.
        if (failure.code === 'dependency_unavailable') return;
        this.#lose(batch.length, thrown instanceof Error ? thrown.message : failure.message);
      }
      const written = new Set(batch);
      this.#keepOnly((waiting) => !written.has(waiting));
    }
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    const { sealers, contents, onKept } = this.#options;
    const sealed: SealedContent[] = [];
    for (const { content, days } of batch) {
      const { tenant, user } = content.owner;
      sealed.push(sealContent(content, await sealers.of(tenant, user), days));
    }
    await contents.append(sealed);
    onKept();
  }

  #keepOnly(stays: (waiting: Waiting) => boolean): void {
    this.#waiting = this.#waiting.filter(stays);
    this.#bytes = this.#waiting.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #flushLater(): void {
    if (this.#waiting.length === 0 || this.#timer !== undefined || this.#flushing !== undefined) return;
    this.#timer = this.#options.clock.after(flushEveryMs, () => void this.flush());
  }

  #lose(count: number, message: string): void {
    this.lost += count;
    this.#untold += count;
    const nowMs = this.#options.clock.now();
    if (nowMs - this.#toldAtMs < tellEveryMs) return;
    this.#options.onLost(this.#untold, message);
    this.#untold = 0;
    this.#toldAtMs = nowMs;
  }
}
