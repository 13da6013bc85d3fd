/**
 * What replicas tell one another of servers: that an account is to be left alone, that a server is left out for how it answers,
 * that somebody tries it, and that it has passed. So one hears for all, and one tries for all. That there is no word from
 * a server each finds out for itself: it may be the way to it that is broken.
 */
import type { Target } from '../core/exchange.ts';
import type { Failure } from '../core/failure.ts';
import type { Asker, Ending, Gate, OthersThere } from '../core/fleet.ts';
import { type AccountHealth, type At, type Pause, rateLimitedMsMax } from './account-health.ts';
import type { Breaker, Cause, Standing } from './breaker.ts';
import type { Health } from './health.ts';

/** `identity`: of the server. `model`: on it, or empty for all of it. */
export type HealthNews = { readonly identity: string } & (
  | { readonly kind: 'pause'; readonly forMs: number; readonly code: Pause['code'] }
  | {
      readonly kind: 'open';
      readonly model: string;
      readonly forMs: number;
      readonly cause: Cause;
      readonly rounds: number;
      /** Whose request it was that failed last. */
      readonly tenant: string;
      /** Whether it failed for that tenant alone. */
      readonly alone?: boolean;
    }
  | { readonly kind: Tried; readonly model: string }
);

type Opened = HealthNews & { readonly kind: 'open' };
type Tried = 'try' | 'left' | 'passed';

export interface HealthTellerOptions {
  /** What is asked and told of each request: health itself, or what stands before it. */
  readonly health: Health;
  readonly nowMs: () => number;
  readonly tell: (news: HealthNews) => void;
}

/** Whoever left it out tries first; the others only when nobody has for so much longer. */
const othersLaterMs = 2_000;

/** The gate of health, which tells what its requests have changed. */
export class HealthTeller implements Gate {
  readonly #options: HealthTellerOptions;
  #there: OthersThere = nobodyThere;

  constructor(options: HealthTellerOptions) {
    this.#options = options;
  }

  allows(target: Target, slots: number, asker: Asker): number {
    return this.#options.health.allows(target, slots, asker);
  }

  shutFor(target: Target): readonly string[] {
    return this.#options.health.shutFor(target);
  }

  began(target: Target): void {
    const { health } = this.#options;
    const known = health.troubled(target.upstream.identity);
    const before = known === undefined ? undefined : lookAt(known, target);
    health.began(target);
    if (before !== undefined) this.#compare(before, target);
  }

  ended(target: Target, ending: Ending, there: OthersThere): void {
    this.#there = there;
    const { health } = this.#options;
    const known = health.troubled(target.upstream.identity);
    const before = known === undefined ? nothingWrong : lookAt(known, target);
    health.ended(target, ending, there);
    this.#compare(before, target, ending.tenant);
  }

  refusal(asker: Asker): Failure | undefined {
    return this.#options.health.refusal(asker);
  }

  onChange(tell: () => void): void {
    this.#options.health.onChange(tell);
  }

  /** Another has told. `isBeforeUs`: of two who left a server out at the same time one tries first. */
  hear(news: HealthNews, isBeforeUs: boolean): void {
    this.#options.health.hear(news.identity, (known, at) => {
      if (news.kind === 'pause')
        known.pauseUntil(at.nowMs + Math.min(news.forMs, rateLimitedMsMax), news.code);
      else if (news.kind !== 'open') hearTry(breakerOf(known, news.model), news.kind, at.nowMs);
      else if (this.#believes(news, known)) hearOpen(known, { ...news, isBeforeUs }, at);
    });
  }

  /** What failed for one tenant elsewhere does not shut out others whom the server works for here. */
  #believes({ identity, model, cause, tenant }: Opened, known: AccountHealth): boolean {
    const standing = breakerOf(known, model)?.standing ?? 'closed';
    return (
      standing !== 'closed' || (cause !== 'silence' && !this.#there.worksForOthers({ identity }, tenant))
    );
  }

  #compare(before: View, target: Target, tenant = ''): void {
    const { health, nowMs, tell } = this.#options;
    const { identity } = target.upstream;
    const known = health.troubled(identity);
    if (known === undefined) return;
    const after = lookAt(known, target);
    const { pause } = after;
    if (pause !== undefined && pause !== before.pause)
      tell({ kind: 'pause', identity, forMs: Math.ceil(pause.untilMs - nowMs()), code: pause.code });
    for (const [at, model] of ['', target.model].entries()) {
      const breaker = breakerOf(known, model);
      const was = before.breakers[at] ?? closed;
      if (breaker === undefined) continue;
      const news = changeOf(was, breaker, nowMs());
      if (news !== undefined)
        tell(news.kind === 'open' ? { ...news, identity, model, tenant } : { ...news, identity, model });
    }
  }
}

function hearOpen(
  known: AccountHealth,
  news: Opened & { isBeforeUs: boolean },
  { nowMs, rules }: Omit<At, 'spares'>,
): void {
  const breaker = breakerOf(known, news.model);
  if (breaker?.standing === 'open' && !breaker.onTrial && !news.isBeforeUs) return;
  const untilMs = nowMs + Math.min(news.forMs, rules.maxMs) + othersLaterMs;
  const culprit = news.alone === true ? news.tenant : undefined;
  (breaker ?? known.breakerOf(news.model)).openFor({ ...news, nowMs, untilMs, culprit });
}

function hearTry(breaker: Breaker | undefined, kind: Tried, nowMs: number): void {
  if (breaker === undefined || breaker.standing === 'closed') return;
  if (kind === 'try') breaker.began(nowMs);
  else if (kind === 'left') breaker.left(nowMs);
  else {
    breaker.letTry();
    breaker.served(nowMs, nowMs);
  }
}

function breakerOf({ own, models }: AccountHealth, model: string): Breaker | undefined {
  return model === '' ? own : models.get(model);
}

interface Seen {
  readonly standing: Standing;
  readonly onTrial: boolean;
  readonly openedMs: number;
}

interface View {
  readonly pause: Pause | undefined;
  /** Of the server, then of the model on it. */
  readonly breakers: readonly Seen[];
}

const nobodyThere: OthersThere = { worksForOthers: () => false };
const closed: Seen = { standing: 'closed', onTrial: false, openedMs: -1 };
const nothingWrong: View = { pause: undefined, breakers: [closed, closed] };

function lookAt({ pause, own, models }: AccountHealth, { model }: Target): View {
  return { pause, breakers: [seen(own), seen(models.get(model))] };
}

function seen(breaker: Breaker | undefined): Seen {
  if (breaker === undefined) return closed;
  const { standing, onTrial, openedMs } = breaker;
  return { standing, onTrial, openedMs };
}

type Change = Pick<Opened, 'kind' | 'forMs' | 'cause' | 'rounds' | 'alone'> | { readonly kind: Tried };

function changeOf(was: Seen, now: Breaker, nowMs: number): Change | undefined {
  const { standing, cause, rounds, onTrial, openedMs, untilMs, culprit } = now;
  if (standing === 'open' && (was.standing !== 'open' || was.openedMs !== openedMs))
    return { kind: 'open', forMs: Math.ceil(untilMs - nowMs), cause, rounds, alone: culprit !== undefined };
  if (onTrial && !was.onTrial) return { kind: 'try' };
  if (standing === 'returning') return was.standing === 'returning' ? undefined : { kind: 'passed' };
  return was.onTrial && !onTrial && standing !== 'closed' ? { kind: 'left' } : undefined;
}
