/**
 * A gateway that shares a database and nothing else must be the only one at it: another gives the same slots, limits and
 * budgets away once more. Both find out, say so and serve on: when one takes the other's place they are two for a while,
 * and a gateway that ends itself over it would be the worse outage (decision 61).
 */
import { randomUUID } from 'node:crypto';
import type { Config } from '../config/schema.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { withinMs } from '../lib/within-ms.ts';
import { isOutage } from '../stores/sql/outage.ts';
import type { Store } from '../stores/sql/store.ts';
import type { Log } from '../telemetry/log.ts';
import type { Alarms } from './alarms.ts';
import type { Among } from './workers/among.ts';

export interface AloneWatchOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Pick<Store, 'gatewaysAlone'>;
  /** Absent of one that has Redis: it says that it is there, so that one without finds out. */
  readonly alarms?: Pick<Alarms, 'beside'>;
}

const everyMs = 2_000;
/** Whoever cannot say that it leaves is forgotten in ten seconds. */
const leaveMs = 500;

/**
 * Of a gateway at whose database others can be. The only one without Redis hears of nobody, and has to find out; those with it say
 * that they are there, for a process of several the first of them.
 */
export function standsIn({ store, shared }: Pick<Config, 'store' | 'shared'>, among?: Among) {
  if (store === 'sqlite') return 'nowhere';
  if (shared === 'memory') return 'alone';
  return among === undefined || among.role === 'primary' ? 'among-others' : 'nowhere';
}

export class AloneWatch {
  readonly #options: AloneWatchOptions;
  readonly #id = randomUUID();
  #others = 0;
  #looking: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: AloneWatchOptions) {
    this.#options = options;
  }

  /** Nobody waits for it: a gateway starts without its database as well. */
  start(): void {
    this.#looking = this.#look();
  }

  /** As far as the database has told: while it is away nobody knows more than before. */
  get isCrowded(): boolean {
    return this.#others > 0;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    const { store, clock } = this.#options;
    const leaving = this.#looking.then(() => store.gatewaysAlone.leave(this.#id)).catch(passOutage);
    await withinMs(leaving, clock, leaveMs);
  }

  async #look(): Promise<void> {
    const { store, clock, log, alarms } = this.#options;
    try {
      const others = await store.gatewaysAlone.announce(this.#id);
      if (others > 0 !== this.isCrowded) alarms?.beside(others);
      this.#others = others;
    } catch (thrown) {
      // Of an outage the store itself tells.
      if (!isOutage(thrown)) {
        const message = thrown instanceof Error ? thrown.message : String(thrown);
        log.error({ message }, 'whether other gateways are at the store cannot be found out');
      }
    }
    if (this.#closed) return;
    this.#timer = clock.after(everyMs, () => this.start());
  }
}

function passOutage(thrown: unknown): void {
  if (!isOutage(thrown)) throw thrown;
}
