/**
 * What is known of each upstream from what happened with it, and so how much may be sent there now. Nothing is asked
 * here for the sake of asking.
 */
import type { Target, Upstream } from '../core/exchange.ts';
import { type Failure, fail } from '../core/failure.ts';
import type { Asker, Ending, Gate, OthersThere } from '../core/fleet.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { AccountHealth, type At, isLongSilence, isSilence } from './account-health.ts';
import type { Breaker, EjectRules, Standing } from './breaker.ts';
import { EjectionPool } from './ejection-pool.ts';

export type HealthState = 'unknown' | 'up' | 'down';

export interface HealthRecord {
  readonly state: HealthState;
  /** Failures since the last success. */
  readonly failures: number;
  readonly lastFailure: string | undefined;
  /** When the state was last learnt, in milliseconds since 1970. */
  readonly sinceMs: number;
  readonly standing: Standing;
  /** When it may be asked again, in milliseconds since 1970: 0 where it may be asked now. */
  readonly nextTryMs: number;
  /** Models that are left out there, on a server that is not. */
  readonly modelsOut: readonly string[];
}

type Tell = (identity?: string) => void;

export const defaultRules: EjectRules = {
  failures: 5,
  baseMs: 30_000,
  maxMs: 300_000,
  slowStartMs: 10_000,
};

export class Health implements Gate {
  readonly #known = new Map<string, AccountHealth>();
  /** Of whom less than all may be asked now. While there are none, nobody has to be looked up. */
  readonly #troubled = new Map<string, AccountHealth>();
  readonly #clock: Clock;
  readonly #tells = new Set<Tell>();
  #rules: EjectRules;
  #wake: Timer | undefined;
  #wakeMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, rules: EjectRules = defaultRules) {
    this.#clock = clock;
    this.#rules = rules;
  }

  /** After a reload: what is out stays out for as long as was said. */
  follow(rules: EjectRules): void {
    this.#rules = rules;
  }

  close(): void {
    this.#wake?.cancel();
    this.#tells.clear();
  }

  /** Told of each change, with whom it is about where it is one. Returns what ends it. */
  onChange(tell: Tell): () => void {
    this.#tells.add(tell);
    return () => void this.#tells.delete(tell);
  }

  of(upstream: Upstream): HealthRecord {
    const known = this.#settled(upstream);
    if (known === undefined) return nothingKnown;
    const { own, pause, heard, failures, lastFailure, sinceMs } = known;
    const isOnTrial = own.standing === 'trial' || own.standing === 'returning';
    const untilMs = Math.max(own.standing === 'open' ? own.untilMs : 0, pause?.untilMs ?? 0);
    return {
      state: own.standing === 'open' ? 'down' : heard || isOnTrial ? 'up' : 'unknown',
      failures,
      lastFailure,
      sinceMs,
      standing: own.standing,
      nextTryMs: untilMs === 0 ? 0 : Math.ceil(this.#clock.wall() + untilMs - this.#clock.now()),
      modelsOut: [...known.models].filter(([, { standing }]) => standing === 'open').map(([model]) => model),
    };
  }

  /** Down, and without a word: whatever waits for it there waits in vain. Who refuses or breaks off is not silent. */
  isSilent(upstream: Upstream): boolean {
    const known = this.#settled(upstream);
    return known?.own.standing === 'open' && isSilence(known.lastCode);
  }

  allows(target: Target, slots: number, asker: Asker): number {
    if (this.#troubled.size === 0) return slots;
    const known = this.#troubled.get(target.upstream.identity);
    return known === undefined ? slots : this.#allowed(known, { target, slots, asker });
  }

  shutFor({ upstream, model }: Target): readonly string[] {
    const known = this.troubled(upstream.identity);
    if (known === undefined) return nobody;
    const breakers = [known.own, known.models.get(model)];
    return breakers.flatMap((breaker) => (breaker?.standing === 'open' ? (breaker.culprit ?? []) : []));
  }

  began(target: Target): void {
    if (this.#troubled.size === 0) return;
    const known = this.#troubled.get(target.upstream.identity);
    if (known === undefined) return;
    const nowMs = this.#clock.now();
    known.began(target.model, nowMs);
    this.#wakeBy(known.nextMs(nowMs, this.#rules));
  }

  ended(target: Target, ending: Ending, there: OthersThere = nobodyElse): void {
    const { upstream, model } = target;
    const { outcome } = ending;
    if (outcome === 'left') {
      this.#left(target, ending, there);
      return;
    }
    if (outcome === 'served') {
      const known = this.#known.get(upstream.identity);
      if (known?.isClean !== true)
        this.#learn(upstream, (it, nowMs) => it.served(model, nowMs, ending.tookMs));
      return;
    }
    const spares = sparing(there, upstream);
    this.#learn(upstream, (it, nowMs) =>
      it.failed(model, { ...ending, outcome }, { nowMs, rules: this.#rules, spares }),
    );
  }

  #left({ upstream, model }: Target, ending: Ending, there: OthersThere): void {
    const known = this.#known.get(upstream.identity);
    if (known?.isClean !== false && !isLongSilence(ending)) return;
    const spares = sparing(there, upstream);
    this.#learn(upstream, (it, nowMs) => it.leftEarly(model, ending, { nowMs, rules: this.#rules, spares }));
  }

  refusal(asker: Asker): Failure | undefined {
    if (this.#troubled.size === 0) return undefined;
    const { candidates, visited } = asker;
    const left = candidates.filter(({ upstream }) => !visited.has(upstream.name));
    const waits: Wait[] = [];
    for (const target of left.length === 0 ? candidates : left) {
      const wait = this.#waitFor(target, asker);
      if (wait === undefined) return undefined;
      waits.push(wait);
    }
    return refusalOf(waits);
  }

  /** Of whom less than all may be asked now. */
  troubled(identity: string): AccountHealth | undefined {
    return this.#troubled.size === 0 ? undefined : this.#troubled.get(identity);
  }

  /** Another replica has told what it has learnt. */
  hear(identity: string, learn: (known: AccountHealth, at: Omit<At, 'spares'>) => void): void {
    this.#learn({ identity }, (it, nowMs) => learn(it, { nowMs, rules: this.#rules }));
  }

  /** What a listing told: that the upstream is there, or how it could not be asked. It never tells whether it serves. */
  probed(upstream: Upstream, failure: Failure | undefined): void {
    this.#learn(upstream, (it, nowMs) => {
      if (failure === undefined) it.listed();
      else it.unlisted(failure, { nowMs, rules: this.#rules });
    });
  }

  /** It says nothing at all, and the way to it is not ours that broke: it is left out at once. */
  silent(upstream: Upstream, failure: Failure): void {
    this.#learn(upstream, (it, nowMs) => it.gone(failure, { nowMs, rules: this.#rules }));
  }

  /** It answered that it has no list: so it can be reached, and more is not known. */
  withoutList(upstream: Upstream, failure: Failure): void {
    this.#learn(upstream, (it) => it.withoutList(failure));
  }

  /** Forgets upstreams that no configuration names any more. */
  keepOnly(upstreams: readonly Upstream[]): void {
    const kept = new Set(upstreams.map((upstream) => upstream.identity));
    for (const identity of this.#known.keys()) {
      if (kept.has(identity)) continue;
      this.#known.delete(identity);
      this.#troubled.delete(identity);
    }
    this.#tell();
  }

  #allowed(known: AccountHealth, asked: Asked): number {
    const nowMs = this.#clock.now();
    known.settle(nowMs, this.#rules);
    if (known.pause !== undefined) return 0;
    const own = this.#allowedBy(known.own, asked, nowMs);
    const model = known.models.get(asked.target.model);
    return model === undefined || own === 0 ? own : Math.min(own, this.#allowedBy(model, asked, nowMs));
  }

  #allowedBy(breaker: Breaker, { target, slots, asker }: Asked, nowMs: number): number {
    if (breaker.standing === 'closed') return slots;
    const others = this.#poolOf(asker.candidates);
    // Who serves some is better than too few.
    if (breaker.cause === 'rate' && others.hasLeftOutHalf(target, breaker)) return slots;
    if (breaker.standing === 'returning') return breaker.part(slots, nowMs, this.#rules);
    if (breaker.awaits(nowMs, this.#rules)) return 0;
    const mayTry =
      breaker.mayBeTriedBy(asker.tenant, nowMs) ||
      others.isDead ||
      (breaker.cause === 'row' && others.hasLeftOutHalf(target, breaker));
    return mayTry ? slots : 0;
  }

  #poolOf(pool: readonly Target[]): EjectionPool {
    return new EjectionPool(pool, ({ upstream, model }) => {
      const known = this.#troubled.get(upstream.identity);
      if (known === undefined) return undefined;
      const { own } = known;
      return own.standing === 'open' ? own : (known.models.get(model) ?? own);
    });
  }

  /** How long nobody may be sent there; nothing where one may, or may soon. */
  #waitFor(target: Target, asker: Asker): Wait | undefined {
    const known = this.#troubled.get(target.upstream.identity);
    if (known === undefined || this.#allowed(known, { target, slots: 1, asker }) > 0) return undefined;
    const { pause, own, models } = known;
    const nowMs = this.#clock.now();
    if (pause !== undefined) {
      return pause.code === 'upstream_rate_limited'
        ? { target, waitMs: pause.untilMs - nowMs, limited: true }
        : undefined;
    }
    const model = models.get(target.model);
    // For how another's try ends it may wait.
    const closed = [own, model].filter(
      (breaker) => breaker?.standing === 'open' && !breaker.mayBeTriedBy(asker.tenant, nowMs),
    );
    if (closed.length === 0) return undefined;
    return {
      target,
      waitMs: Math.max(...closed.map((breaker) => (breaker?.untilMs ?? 0) - nowMs)),
      limited: false,
    };
  }

  #settled(upstream: Upstream): AccountHealth | undefined {
    const known = this.#known.get(upstream.identity);
    known?.settle(this.#clock.now(), this.#rules);
    return known;
  }

  #learn(upstream: Pick<Upstream, 'identity'>, learn: (known: AccountHealth, nowMs: number) => void): void {
    const { identity } = upstream;
    const nowMs = this.#clock.now();
    const known = this.#known.get(identity) ?? new AccountHealth();
    known.settle(nowMs, this.#rules);
    const wasQuiet = known.isQuiet;
    learn(known, nowMs);
    known.sinceMs = this.#clock.wall();
    this.#known.set(identity, known);
    const isQuiet = known.isQuiet;
    if (isQuiet) this.#troubled.delete(identity);
    else this.#troubled.set(identity, known);
    if (!isQuiet) this.#wakeBy(known.nextMs(nowMs, this.#rules));
    if (!isQuiet || !wasQuiet) this.#tell(identity);
  }

  #wakeBy(atMs: number): void {
    if (atMs >= this.#wakeMs) return;
    this.#wake?.cancel();
    this.#wakeMs = atMs;
    this.#wake = this.#clock.after(Math.max(1, atMs - this.#clock.now()), () => this.#woken());
  }

  #woken(): void {
    const nowMs = this.#clock.now();
    this.#wakeMs = Number.POSITIVE_INFINITY;
    let next = Number.POSITIVE_INFINITY;
    for (const [identity, known] of this.#troubled) {
      known.settle(nowMs, this.#rules);
      if (known.isQuiet) this.#troubled.delete(identity);
      else next = Math.min(next, known.nextMs(nowMs, this.#rules));
    }
    if (next !== Number.POSITIVE_INFINITY) this.#wakeBy(next);
    this.#tell();
  }

  #tell(identity?: string): void {
    for (const tell of this.#tells) tell(identity);
  }
}

interface Asked {
  readonly target: Target;
  readonly slots: number;
  readonly asker: Asker;
}

interface Wait {
  readonly target: Target;
  readonly waitMs: number;
  /** Whether it told us so itself, and is well. */
  readonly limited: boolean;
}

function sparing(there: OthersThere, upstream: Upstream): At['spares'] {
  return (tenant, model) => there.worksForOthers(upstream, tenant, model);
}

const nobody: readonly string[] = [];
const nobodyElse: OthersThere = { worksForOthers: () => false };

const nothingKnown: HealthRecord = {
  state: 'unknown',
  failures: 0,
  lastFailure: undefined,
  sinceMs: 0,
  standing: 'closed',
  nextTryMs: 0,
  modelsOut: [],
};

/** Of many, so many are named. */
const namedMax = 5;
const retryAfterMaxS = 60;

function refusalOf(waits: readonly Wait[]): Failure {
  const soonestMs = Math.min(...waits.map(({ waitMs }) => waitMs));
  const retryAfterS = Math.min(retryAfterMaxS, Math.max(1, Math.ceil(soonestMs / 1_000)));
  const names = [...new Set(waits.map(({ target }) => target.upstream.name))].slice(0, namedMax).join(', ');
  if (waits.every(({ limited }) => limited)) {
    return fail(
      'upstream_rate_limited',
      `whoever could answer has told us to wait (${names}); try again in ${retryAfterS} s`,
      { retryAfterS },
    );
  }
  return fail(
    'no_upstream',
    `whoever could answer has failed and is left alone for a while (${names}); try again in ${retryAfterS} s`,
    { retryAfterS },
  );
}
