/** What we know of each upstream from what happened with it. Nothing is asked for the sake of asking. */
import type { Upstream } from '../core/exchange.ts';
import type { Failure, FailureCode } from '../core/failure.ts';
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

/** As many failures in a row as make an upstream count as down. */
const failuresToBeDown = 3;
/** The server is there, and has its reason to refuse this request (U6, U17). */
const refusals: ReadonlySet<FailureCode> = new Set(['upstream_model_missing', 'upstream_rate_limited']);
/** Nobody is there, or nobody lets us in: asking twice more would tell nothing new. */
const conclusive: ReadonlySet<FailureCode> = new Set([
  'connect_failed',
  'connect_timeout',
  'tls_error',
  'upstream_unauthorized',
]);
const unknown: HealthRecord = { state: 'unknown', failures: 0, lastFailure: undefined, sinceMs: 0 };

export class Health {
  readonly #records = new Map<string, HealthRecord>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(upstream: Upstream): HealthRecord {
    return this.#records.get(upstream.identity) ?? unknown;
  }

  note(upstream: Upstream, outcome: 'served' | 'left' | Failure): void {
    if (outcome === 'left') return;
    const before = this.of(upstream);
    if (outcome === 'served') {
      const known = before.state === 'up' && before.failures === 0;
      if (!known) this.#learn(upstream, { state: 'up', failures: 0, lastFailure: undefined });
    } else if (outcome.blame === 'upstream' && !refusals.has(outcome.code)) {
      this.#failed(upstream, outcome, before.failures + 1);
    }
  }

  /** What a listing told: it counts as a call does, except for failures that every call would meet as well. */
  probed(upstream: Upstream, failure: Failure | undefined): void {
    if (failure === undefined) this.#learn(upstream, { state: 'up', failures: 0, lastFailure: undefined });
    else if (conclusive.has(failure.code)) this.#failed(upstream, failure, failuresToBeDown);
    else this.note(upstream, failure);
  }

  /** Forgets upstreams that no configuration names any more. */
  keepOnly(upstreams: readonly Upstream[]): void {
    const kept = new Set(upstreams.map((upstream) => upstream.identity));
    for (const identity of this.#records.keys()) if (!kept.has(identity)) this.#records.delete(identity);
  }

  #failed(upstream: Upstream, { code, message }: Failure, failures: number): void {
    const state = failures >= failuresToBeDown ? 'down' : this.of(upstream).state;
    this.#learn(upstream, { state, failures, lastFailure: `${code}: ${message}` });
  }

  #learn(upstream: Upstream, learnt: Omit<HealthRecord, 'sinceMs'>): void {
    this.#records.set(upstream.identity, { ...learnt, sinceMs: this.#clock.wall() });
  }
}
