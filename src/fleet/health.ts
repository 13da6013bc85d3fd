/** What we know of each upstream from what happened with it. Nothing is asked for the sake of asking. */
import type { Target, Upstream } from '../core/exchange.ts';
import type { Failure, FailureCode } from '../core/failure.ts';
import type { Ending, Gate } from '../core/fleet.ts';
import type { Clock } from '../lib/clock.ts';

export type HealthState = 'unknown' | 'up' | 'down';

export interface HealthRecord {
  readonly state: HealthState;
  /** Failures since the last success. */
  readonly failures: number;
  readonly lastFailure: string | undefined;
  /** When the state was last learnt, in milliseconds since 1970. */
  readonly sinceMs: number;
}

interface Learnt {
  /** Whether it ever told or served anything. */
  readonly heard: boolean;
  /** Failures to reach it. A good listing clears them, as a served call does. */
  readonly unreached: number;
  /** Failures of calls to one that may well be there: its listing says nothing of them, only a served call does. */
  readonly unserved: number;
  readonly lastCode: FailureCode | undefined;
  readonly lastFailure: string | undefined;
  readonly sinceMs: number;
  readonly lastFailureMs: number;
}

/** As many failures in a row as make an upstream count as down. */
const failuresToBeDown = 3;
/** Nobody asks a server that calls made down whether it serves again: after so long without a failure it is tried. */
const trialAfterMs = 30_000;
/** The server is there, and has its reason to refuse this request (U6, U17). */
const refusals: ReadonlySet<FailureCode> = new Set(['upstream_model_missing', 'upstream_rate_limited']);
/** What a listing would meet as well, so that a good one tells that it is over. */
const unreachable: ReadonlySet<FailureCode> = new Set(['connect_failed', 'connect_timeout', 'tls_error']);
/** Nobody is there, or nobody lets us in: asking twice more would tell nothing new. */
const conclusive: ReadonlySet<FailureCode> = new Set([...unreachable, 'upstream_unauthorized']);
/** No word came back. */
const silences: ReadonlySet<FailureCode> = new Set([
  'connect_failed',
  'connect_timeout',
  'first_token_timeout',
  'idle_timeout',
  'total_timeout',
]);
const nothing: Learnt = {
  heard: false,
  unreached: 0,
  unserved: 0,
  lastCode: undefined,
  lastFailure: undefined,
  sinceMs: 0,
  lastFailureMs: 0,
};
const wellAgain = { ...nothing, heard: true };

export class Health implements Gate {
  readonly #learnt = new Map<string, Learnt>();
  /** Who had failures enough, those to be tried again among them. */
  readonly #failing = new Set<string>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(upstream: Upstream): HealthRecord {
    const { heard, unreached, unserved, lastFailure, sinceMs } = this.#of(upstream);
    const isOnTrial = this.#failing.has(upstream.identity);
    const state = this.isDown(upstream) ? 'down' : heard || isOnTrial ? 'up' : 'unknown';
    return { state, failures: unreached + unserved, lastFailure, sinceMs };
  }

  /** False when nobody is down: then nobody has to be asked for. */
  get anyDown(): boolean {
    return this.#failing.size > 0;
  }

  isDown(upstream: Upstream): boolean {
    if (!this.#failing.has(upstream.identity)) return false;
    const { unreached, lastFailureMs } = this.#of(upstream);
    return unreached > 0 || this.#clock.now() - lastFailureMs < trialAfterMs;
  }

  /** Down, and without a word: whatever waits for it there waits in vain. Who refuses or breaks off is not silent. */
  isSilent(upstream: Upstream): boolean {
    const { lastCode } = this.#of(upstream);
    return lastCode !== undefined && silences.has(lastCode) && this.isDown(upstream);
  }

  /** When everybody is down all are asked: they may be back. */
  allows({ upstream }: Target, slots: number, pool: readonly Target[]): number {
    const isOut = this.isDown(upstream) && pool.some((other) => !this.isDown(other.upstream));
    return isOut ? 0 : slots;
  }

  began(): void {}

  refusal(): undefined {}

  onChange(): void {}

  ended({ upstream }: Target, { outcome }: Ending): void {
    this.note(upstream, outcome);
  }

  note(upstream: Upstream, outcome: 'served' | 'left' | Failure): void {
    if (outcome === 'left') return;
    const before = this.#of(upstream);
    if (outcome === 'served') {
      const known = before.heard && before.lastFailure === undefined;
      if (!known) this.#learn(upstream, wellAgain);
    } else if (outcome.blame === 'upstream' && !refusals.has(outcome.code)) {
      if (unreachable.has(outcome.code)) this.#unreached(upstream, outcome, before.unreached + 1);
      else this.#failed(upstream, outcome, { ...before, unserved: before.unserved + 1 });
    }
  }

  /** What a listing told: that the upstream is there, or how it could not be asked. It never tells whether it serves. */
  probed(upstream: Upstream, failure: Failure | undefined): void {
    const before = this.#of(upstream);
    if (failure === undefined) {
      const isWell = before.unserved === 0;
      this.#learn(upstream, isWell ? wellAgain : { ...reached(before), heard: true });
    } else if (conclusive.has(failure.code)) {
      this.#unreached(upstream, failure, failuresToBeDown);
    } else if (failure.blame === 'upstream') {
      this.#unreached(upstream, failure, before.unreached + 1);
    }
  }

  /** It answered that it has no list: so it can be reached, and more is not known. */
  withoutList(upstream: Upstream, { code, message }: Failure): void {
    const before = this.#of(upstream);
    const said = before.unserved > 0 ? before : { ...before, lastFailure: `${code}: ${message}` };
    this.#learn(upstream, reached(said));
  }

  /** Forgets upstreams that no configuration names any more. */
  keepOnly(upstreams: readonly Upstream[]): void {
    const kept = new Set(upstreams.map((upstream) => upstream.identity));
    for (const identity of this.#learnt.keys()) {
      if (kept.has(identity)) continue;
      this.#learnt.delete(identity);
      this.#failing.delete(identity);
    }
  }

  #of(upstream: Upstream): Learnt {
    return this.#learnt.get(upstream.identity) ?? nothing;
  }

  #unreached(upstream: Upstream, failure: Failure, unreached: number): void {
    this.#failed(upstream, failure, { ...this.#of(upstream), unreached });
  }

  #failed(upstream: Upstream, { code, message }: Failure, counted: Learnt): void {
    const lastFailureMs = this.#clock.now();
    this.#learn(upstream, { ...counted, lastCode: code, lastFailure: `${code}: ${message}`, lastFailureMs });
  }

  #learn(upstream: Upstream, learnt: Learnt): void {
    const { identity } = upstream;
    this.#learnt.set(identity, { ...learnt, sinceMs: this.#clock.wall() });
    if (learnt.unreached + learnt.unserved >= failuresToBeDown) this.#failing.add(identity);
    else this.#failing.delete(identity);
  }
}

/** What is left of it once it could be reached: the failures of calls. */
function reached(before: Learnt): Learnt {
  return { ...before, unreached: 0, lastCode: before.unreached > 0 ? undefined : before.lastCode };
}
