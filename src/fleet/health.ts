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
      const failures = before.failures + 1;
      const state = failures >= failuresToBeDown ? 'down' : before.state;
      this.#learn(upstream, { state, failures, lastFailure: `${outcome.code}: ${outcome.message}` });
    }
  }

  /** What a listing or a probe told: the server answered, or it did not. */
  probed(upstream: Upstream, failure: Failure | undefined): void {
    this.#learn(
      upstream,
      failure === undefined
        ? { state: 'up', failures: 0, lastFailure: undefined }
        : { state: 'down', failures: failuresToBeDown, lastFailure: `${failure.code}: ${failure.message}` },
    );
  }

  /** Forgets upstreams that no configuration names any more. */
  keepOnly(upstreams: readonly Upstream[]): void {
    const kept = new Set(upstreams.map((upstream) => upstream.identity));
    for (const identity of this.#records.keys()) if (!kept.has(identity)) this.#records.delete(identity);
  }

  #learn(upstream: Upstream, learnt: Omit<HealthRecord, 'sinceMs'>): void {
    this.#records.set(upstream.identity, { ...learnt, sinceMs: this.#clock.wall() });
  }
}
