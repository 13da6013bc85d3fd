/** Servers that an operator wants left alone: the gate in front of what health allows. Nothing is asked of them anew. */
import type { Target, Upstream } from '../core/exchange.ts';
import { type Failure, fail } from '../core/failure.ts';
import type { Asker, Ending, Gate, OthersThere } from '../core/fleet.ts';

export interface DrainOrder {
  /** As the configuration calls it. */
  readonly upstream: string;
  /** Who said so. */
  readonly by: string;
  /** In milliseconds since 1970. */
  readonly sinceMs: number;
}

/** Of many, so many are named. */
const namedMax = 5;
const retryAfterS = 30;

export class Drained implements Gate {
  readonly #behind: Gate;
  readonly #tells = new Set<() => void>();
  /** By identity: another server under the same name is not meant. */
  #orders: ReadonlyMap<string, DrainOrder> = new Map();

  constructor(behind: Gate) {
    this.#behind = behind;
  }

  get orders(): ReadonlyMap<string, DrainOrder> {
    return this.#orders;
  }

  /** Whoever waits is looked at again: there may be a server for them now, or none any more. */
  set orders(orders: ReadonlyMap<string, DrainOrder>) {
    this.#orders = orders;
    for (const tell of this.#tells) tell();
  }

  of({ identity }: Pick<Upstream, 'identity'>): DrainOrder | undefined {
    return this.#orders.size === 0 ? undefined : this.#orders.get(identity);
  }

  allows(target: Target, slots: number, asker: Asker): number {
    if (this.#orders.size === 0) return this.#behind.allows(target, slots, asker);
    return this.of(target.upstream) === undefined
      ? this.#behind.allows(target, slots, this.#withoutDrained(asker))
      : 0;
  }

  shutFor(target: Target): readonly string[] {
    return this.#behind.shutFor(target);
  }

  began(target: Target): void {
    this.#behind.began(target);
  }

  ended(target: Target, ending: Ending, there: OthersThere): void {
    this.#behind.ended(target, ending, there);
  }

  refusal(asker: Asker): Failure | undefined {
    if (this.#orders.size === 0) return this.#behind.refusal(asker);
    const { candidates, visited } = asker;
    const left = this.#withoutDrained(asker);
    const isUnvisited = ({ upstream }: Target) => !visited.has(upstream.name);
    // What was tried already is no use to it: the drained ones are what it lacks.
    const lacks = left.candidates.length < candidates.length && !left.candidates.some(isUnvisited);
    return lacks
      ? drainedFailure(candidates.filter((target) => !left.candidates.includes(target)))
      : this.#behind.refusal(left);
  }

  onChange(tell: () => void): void {
    this.#tells.add(tell);
    this.#behind.onChange(tell);
  }

  /** Who would do in its place: none of those that are drained, however well they are. */
  #withoutDrained({ candidates, visited, tenant }: Asker): Asker {
    const left = candidates.filter(({ upstream }) => !this.#orders.has(upstream.identity));
    return { candidates: left, visited, tenant };
  }
}

function drainedFailure(drained: readonly Target[]): Failure {
  const names = [...new Set(drained.map(({ upstream }) => upstream.name))].slice(0, namedMax).join(', ');
  return fail(
    'no_upstream',
    `nobody else could answer, and an operator has drained ${names}: nothing new is sent there until it is resumed`,
    { retryAfterS },
  );
}
