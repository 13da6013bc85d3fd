/**
 * When Redis is back: what was taken without it is taken there too, and for as long as another replica may not have noticed,
 * each keeps to its share of what is left besides. So the return lets nothing through that the limit does not.
 */
import { setImmediate } from 'node:timers/promises';
import type { LimitSubject } from '../../core/ports.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import { holderOf, type LimitRule } from '../limit-rules.ts';
import type { Level, Levels } from '../memory/levels.ts';
import { noticedWithinMs, type Redis } from './connection.ts';
import { RedisError } from './fault.ts';
import { tellScript } from './rate-limit-scripts.ts';
import { createScript, type Script } from './script.ts';

export interface ReturningOptions {
  readonly redis: Redis;
  readonly clock: Clock;
  readonly replicas: () => number;
  /** Lua that sets `now` in microseconds. */
  readonly time: string;
}

/** What the limiter makes of a rule and whose it is. */
export interface ToldLevel {
  readonly key: string;
  readonly args: (level: Level, ahead: { knownMs: number; untoldMs: number }) => readonly string[];
}

interface Untold {
  readonly rule: LimitRule;
  readonly who: string;
  readonly levels: Levels;
}

/** More subjects than this, and what the others took is not told. */
const untoldMax = 100_000;
/** More in one turn, and requests wait for it. */
const notedAtOnce = 2_000;
/** A script holds up everybody else for as long as it takes. */
const toldAtOnce = 200;
const againMs = 1_000;

export class Returning {
  readonly #options: ReturningOptions;
  readonly #toldLevel: (rule: LimitRule, who: string) => ToldLevel;
  readonly #tell: Script;
  readonly #untold = new Map<string, Untold>();
  #backAtMs = Number.NEGATIVE_INFINITY;
  #telling = false;
  /** Counts them: one begins anew what the one before has not ended. */
  #returns = 0;
  #rules: readonly LimitRule[] = [];
  #levels: Levels | undefined;
  #again: Timer | undefined;

  constructor(options: ReturningOptions, toldLevel: (rule: LimitRule, who: string) => ToldLevel) {
    this.#options = options;
    this.#toldLevel = toldLevel;
    this.#tell = createScript('tell', `${options.time}${tellScript}`);
    options.redis.subscribe('millrace:channel:limits', {
      message: () => {},
      missed: () => {
        this.#backAtMs = options.clock.now();
        void this.#noteAllSpent();
      },
    });
  }

  /** What there is to tell of. */
  follow(rules: readonly LimitRule[], levels: Levels): void {
    this.#rules = rules;
    this.#levels = levels;
  }

  /** Whether others may still give away their shares. */
  get holds(): boolean {
    return this.#options.clock.now() - this.#backAtMs < noticedWithinMs;
  }

  /** Something was taken, or came to more, without Redis. */
  note(rules: readonly LimitRule[], subject: LimitSubject, levels: Levels): void {
    this.noteAll(rules.map((rule) => ({ rule, who: holderOf(rule, subject), levels })));
  }

  noteAll(taken: readonly Untold[]): void {
    for (const untold of taken) this.#remember(untold);
    if (this.#options.redis.state.ready) void this.tell();
  }

  /** Nobody waits for it. */
  async tell(): Promise<void> {
    if (this.#telling) return;
    this.#telling = true;
    this.#again?.cancel();
    try {
      while (this.#untold.size > 0 && this.#options.redis.state.ready) await this.#tellSome();
    } catch (thrown) {
      if (!(thrown instanceof RedisError)) throw thrown;
      this.#again = this.#options.clock.after(againMs, () => void this.tell());
    } finally {
      this.#telling = false;
    }
  }

  /** Also what was only heard: of two replicas the one that took nothing may have heard last. */
  async #noteAllSpent(): Promise<void> {
    const levels = this.#levels;
    if (levels === undefined) return;
    this.#returns += 1;
    const ours = this.#returns;
    let noted = 0;
    for (const rule of this.#rules) {
      for (const who of levels.spent(rule)) {
        this.#remember({ rule, who, levels });
        noted += 1;
        if (noted % notedAtOnce !== 0) continue;
        // Of a great many: requests have their turn in between, and the first are told meanwhile.
        void this.tell();
        await setImmediate();
        if (ours !== this.#returns) return;
      }
    }
    void this.tell();
  }

  #remember(untold: Untold): void {
    if (this.#untold.size < untoldMax) this.#untold.set(`${untold.rule.id}:${untold.who}`, untold);
  }

  async #tellSome(): Promise<void> {
    const { clock, replicas, redis } = this.#options;
    const nowMs = clock.now();
    const count = replicas();
    const first = this.#untold.entries().take(toldAtOnce).toArray();
    const some = first.flatMap(([name, { rule, who, levels }]) => {
      this.#untold.delete(name);
      const level = levels.find(rule, who);
      if (level === undefined) return [];
      const untoldMs = Math.max(0, level.fullAtMs - Math.max(nowMs, level.toldFullAtMs)) / count;
      return [{ name, rule, who, levels, level, untoldMs, toldBefore: level.toldFullAtMs }];
    });
    if (some.length === 0) return;
    for (const { level } of some) level.toldFullAtMs = level.fullAtMs;
    const told = some.map(({ rule, who, level, untoldMs }) => {
      const { key, args } = this.#toldLevel(rule, who);
      return { key, args: args(level, { knownMs: level.heardFullAtMs - nowMs, untoldMs }) };
    });
    try {
      await redis.run(
        this.#tell,
        [...told.map(({ key }) => key), ...told.map(({ key }) => `${key}:told`)],
        [...told.flatMap(({ args }) => args), String(noticedWithinMs)],
      );
    } catch (thrown) {
      // Should it have been heard all the same, it counts twice, which lets through less and never more.
      for (const { name, rule, who, levels, level, toldBefore } of some) {
        level.toldFullAtMs = Math.min(level.toldFullAtMs, toldBefore);
        this.#untold.set(name, { rule, who, levels });
      }
      throw thrown;
    }
    for (const { level, untoldMs } of some)
      level.heardFullAtMs = Math.max(nowMs, level.heardFullAtMs) + untoldMs;
  }
}
