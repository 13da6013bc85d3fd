/**
 * Places that replicas share: each is a lease on the server, which all of a replica's are renewed together, so that
 * those of one that died are free before long. A server that came back empty is told of them the same way.
 */
import { randomUUID } from 'node:crypto';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Holding } from '../memory/local-limits.ts';
import type { Place, Places } from '../memory/places.ts';
import type { Redis } from './connection.ts';
import { RedisError } from './fault.ts';
import { leaveScript, renewScript } from './rate-limit-scripts.ts';
import { createScript, type Script } from './script.ts';

export interface SharedPlacesOptions {
  readonly redis: Redis;
  readonly clock: Clock;
  /** Lua that sets `now` in microseconds. */
  readonly time: string;
}

const leaseMs = 30_000;
const renewMs = 10_000;
/** A script holds up everybody else for as long as it takes. */
const renewedAtOnce = 200;

export const leaseMicros = leaseMs * 1_000;

export class SharedPlaces {
  readonly #options: SharedPlacesOptions;
  readonly #places: Places;
  readonly #renew: Script;
  readonly #leave = createScript('leave', leaveScript);
  readonly #replica = randomUUID();
  #count = 0;
  #renewal: Timer | undefined;

  constructor(places: Places, options: SharedPlacesOptions) {
    this.#places = places;
    this.#options = options;
    this.#renew = createScript('renew', `${options.time}${renewScript}`);
  }

  newLease(): string {
    this.#count += 1;
    return `${this.#replica}:${this.#count}`;
  }

  /** What a place is entered with here. */
  holding(lease: string): Holding {
    return { lease, left: this.#left };
  }

  /** From now on what is held here is renewed. */
  renew(): void {
    this.#renewal ??= this.#options.clock.after(renewMs, () => void this.#renewAll());
  }

  readonly #left = (places: readonly Place[]): void => {
    const [first] = places;
    // Whoever waits to renew what nobody holds keeps the process from ending.
    if (!this.#places.any) this.#renewNoMore();
    if (first === undefined || !this.#options.redis.state.ready) return;
    void this.#tell(this.#options.redis.run(this.#leave, places.map(keyOfPlace), [first.lease]));
  };

  #renewNoMore(): void {
    this.#renewal?.cancel();
    this.#renewal = undefined;
  }

  async #renewAll(): Promise<void> {
    const rung = this.#renewal;
    const all = [...this.#places.all()];
    for (let from = 0; from < all.length && this.#options.redis.state.ready; from += renewedAtOnce) {
      // Those that ended while others were told must not be entered anew.
      const some = all.slice(from, from + renewedAtOnce).filter((place) => this.#places.has(place));
      const args = [...some.map(({ lease }) => lease), String(leaseMicros)];
      await this.#tell(this.#options.redis.run(this.#renew, some.map(keyOfPlace), args));
    }
    // All may have left meanwhile, and others come, who are waited for already.
    if (this.#renewal !== rung) return;
    this.#renewal = undefined;
    if (this.#places.any) this.renew();
  }

  /** What could not be told ends with its lease, or is told the next time. */
  async #tell(telling: Promise<unknown>): Promise<void> {
    try {
      await telling;
    } catch (thrown) {
      if (!(thrown instanceof RedisError)) throw thrown;
    }
  }
}

/** Under the hash tag of the rates: they are taken from together. */
export function keyOfPlace({ rule, who }: Pick<Place, 'rule' | 'who'>): string {
  return `millrace:{limits}:held:${rule.id}:${who}`;
}
