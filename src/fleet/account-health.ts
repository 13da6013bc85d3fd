/** What is known of one server and account: how its calls and its listings went, and what it told us to wait for. */
import { type Failure, type FailureCode, fail } from '../core/failure.ts';
import type { Ending } from '../core/fleet.ts';
import { Breaker, type EjectRules } from './breaker.ts';

/** It told us to come back later. */
export interface Pause {
  readonly untilMs: number;
  readonly code: 'upstream_rate_limited' | 'upstream_overloaded';
}

/** As many listings in a row as make an upstream count as gone. */
const listingsToBeGone = 3;
/** Models that failed, each with a breaker of its own; the one that is known longest makes way. */
const modelsMax = 256;
/** What it told us to wait, at most (U6); and where it told nothing that can be believed. */
export const rateLimitedMsMax = 60_000;
const rateLimitedMs = 1_000;
const overloadedMsMax = 5_000;
const overloadedMs = 250;
/** A call that ended by its last clock without a word tells of silence only when it waited for long. */
const silentMsMin = 30_000;
/** Whoever leaves a stream earlier tells nothing: the first word of a model that is there takes seconds at most. */
const silentLeaveMsMin = 10_000;
const leftInSilence = fail(
  'first_token_timeout',
  'clients left one after the other without a word having come',
);

/** The server is there, and has its reason to refuse this request (U6, U17). */
const refusals: ReadonlySet<FailureCode> = new Set(['upstream_model_missing', 'upstream_rate_limited']);
/** Nobody is there: asking again would tell nothing new. Some are not let in for what their request says. */
const conclusive: ReadonlySet<FailureCode> = new Set(['connect_failed', 'connect_timeout', 'tls_error']);
/** No word came back. */
const silences: ReadonlySet<FailureCode> = new Set([
  'connect_failed',
  'connect_timeout',
  'first_token_timeout',
  'idle_timeout',
  'total_timeout',
]);
/** What a listing would meet as well, so that a good one tells that it may be over. */
const listable: ReadonlySet<FailureCode> = new Set([...conclusive, 'upstream_unauthorized', 'upstream_cut']);

export class AccountHealth {
  readonly own = new Breaker();
  /** Of models that failed, by their name there. */
  readonly models = new Map<string, Breaker>();
  /** Whether it ever told or served anything. */
  heard = false;
  pause: Pause | undefined;
  lastCode: FailureCode | undefined;
  lastFailure: string | undefined;
  /** When anything was last learnt, in milliseconds since 1970. */
  sinceMs = 0;
  /** Listings in a row that came to nothing. */
  #unlisted = 0;
  /** Whether it served something, and was not left out for its failures since. */
  #serves = false;

  get failures(): number {
    return this.own.row + this.#unlisted;
  }

  get isClean(): boolean {
    return this.heard && this.lastFailure === undefined && this.models.size === 0 && this.own.isClean;
  }

  /** Whether all of its slots may be used, for whatever model. */
  get isQuiet(): boolean {
    return this.pause === undefined && this.own.standing === 'closed' && this.#modelsAreClosed;
  }

  get #modelsAreClosed(): boolean {
    for (const { standing } of this.models.values()) if (standing !== 'closed') return false;
    return true;
  }

  settle(nowMs: number, rules: EjectRules): void {
    if (this.pause !== undefined && nowMs >= this.pause.untilMs) this.pause = undefined;
    this.own.settle(nowMs, rules);
    for (const [model, breaker] of this.models) {
      breaker.settle(nowMs, rules);
      if (breaker.isClean) this.models.delete(model);
    }
  }

  /** When time alone changes something next. */
  nextMs(nowMs: number, rules: EjectRules): number {
    let next = Math.min(this.pause?.untilMs ?? Number.POSITIVE_INFINITY, this.own.nextMs(nowMs, rules));
    for (const breaker of this.models.values()) next = Math.min(next, breaker.nextMs(nowMs, rules));
    return next;
  }

  began(model: string, nowMs: number): void {
    this.own.began(nowMs);
    this.models.get(model)?.began(nowMs);
  }

  left(model: string, sentMs: number): void {
    this.own.left(sentMs);
    this.models.get(model)?.left(sentMs);
  }

  /** A client left: that tells something only where it waited long for the first word of a stream, and none came. */
  leftEarly(model: string, ending: Ending, { nowMs, rules, spares }: At): void {
    if (ending.firstContentMs > 0) {
      this.own.heard();
      this.models.get(model)?.heard();
    }
    const sentMs = nowMs - ending.tookMs;
    if (!isLongSilence(ending)) {
      this.left(model, sentMs);
      return;
    }
    const { tenant = '' } = ending;
    const ofModel = (whose: string) => spares(whose, model);
    for (const [breaker, spared] of [
      [this.own, spares],
      [this.breakerOf(model), ofModel],
    ] as const) {
      const wasOpen = breaker.standing === 'open';
      breaker.leftInSilence(nowMs, rules, { sentMs, tenant, spares: spared });
      if (!wasOpen && breaker.standing === 'open') this.#remember(leftInSilence);
    }
  }

  served(model: string, nowMs: number, tookMs: number): void {
    const sentMs = nowMs - tookMs;
    this.heard = true;
    this.#serves = true;
    this.#unlisted = 0;
    this.own.served(nowMs, sentMs);
    this.models.get(model)?.served(nowMs, sentMs);
    if (this.own.row > 0) return;
    this.lastCode = undefined;
    this.lastFailure = undefined;
  }

  failed(model: string, ending: Ending & { readonly outcome: Failure }, at: At): void {
    const { outcome, tenant = '' } = ending;
    const { nowMs, rules } = at;
    const sentMs = nowMs - ending.tookMs;
    this.#pauseFor(outcome, nowMs);
    if (!tellsOfIt(ending)) {
      this.left(model, sentMs);
      return;
    }
    this.#remember(outcome);
    const silent = silences.has(outcome.code);
    // Too much work is no fault of what it serves meanwhile.
    const inWindow = outcome.code !== 'upstream_overloaded';
    // Nobody can bring about from outside that we cannot reach it, or are not let in.
    const isConclusive = conclusive.has(outcome.code);
    const spares: At['spares'] = isConclusive ? () => false : at.spares;
    const blow = { sentMs, silent, isConclusive, tenant };
    // One bad model among good ones is no reason to leave the server out.
    this.own.failed(nowMs, rules, { ...blow, inWindow: false, spares });
    if (this.own.standing === 'open') this.#serves = false;
    // Whoever uses other models there loses nothing by it.
    const ofModel = (whose: string) => spares(whose, model);
    this.breakerOf(model).failed(nowMs, rules, { ...blow, inWindow, spares: ofModel });
  }

  /** A listing came through: it is there, which says nothing of how it serves. */
  listed(): void {
    const wasGone = this.#unlisted > 0;
    this.#unlisted = 0;
    this.heard = true;
    if (wasGone || (this.lastCode !== undefined && listable.has(this.lastCode))) this.#letTry();
    // That it lists its models is no word of those who are served: it is as silent to them as before.
    if (this.own.row > 0 || this.own.standing === 'open') return;
    this.lastCode = undefined;
    this.lastFailure = undefined;
  }

  /** It answered that it has no list: so it can be reached, and more is not known. */
  withoutList(failure: Failure): void {
    const before = this.heard;
    this.listed();
    this.heard = before;
    if (this.own.row === 0) this.lastFailure = worded(failure);
  }

  unlisted(failure: Failure, { nowMs, rules }: Omit<At, 'spares'>): void {
    if (failure.blame !== 'upstream') return;
    if (failure.code === 'upstream_unauthorized') {
      this.#notLetIn(failure, { nowMs, rules });
      return;
    }
    this.#remember(failure);
    this.#unlisted = conclusive.has(failure.code)
      ? Math.max(listingsToBeGone, this.#unlisted + 1)
      : this.#unlisted + 1;
    if (this.#unlisted >= listingsToBeGone) this.#leaveOut({ nowMs, rules });
  }

  /**
   * A key may be good for calls and not for the list. So who serves is not left out for that, and who has served nothing yet is
   * tried in its time: the listings that follow do not put that off.
   */
  #notLetIn(failure: Failure, { nowMs, rules }: Omit<At, 'spares'>): void {
    if (this.#serves) {
      this.withoutList(failure);
      return;
    }
    this.#remember(failure);
    this.#unlisted = Math.max(listingsToBeGone, this.#unlisted + 1);
    if (this.own.standing === 'closed') this.own.open(nowMs, rules, 'silence');
  }

  /** As after many listings that failed. */
  gone(failure: Failure, at: Omit<At, 'spares'>): void {
    this.#remember(failure);
    this.#unlisted = Math.max(listingsToBeGone, this.#unlisted + 1);
    this.#leaveOut(at);
  }

  #leaveOut({ nowMs, rules }: Omit<At, 'spares'>): void {
    // Each listing that fails puts the next try off: who is gone is not called for the sake of asking.
    if (this.own.standing !== 'open' || this.own.cause === 'silence') this.own.open(nowMs, rules, 'silence');
  }

  #letTry(): void {
    this.own.letTry();
    for (const breaker of this.models.values()) breaker.letTry();
  }

  #remember(failure: Failure): void {
    this.lastCode = failure.code;
    this.lastFailure = worded(failure);
  }

  pauseUntil(untilMs: number, code: Pause['code']): void {
    if (untilMs > (this.pause?.untilMs ?? 0)) this.pause = { untilMs, code };
  }

  #pauseFor({ code, retryAfterS }: Failure, nowMs: number): void {
    if (code !== 'upstream_rate_limited' && code !== 'upstream_overloaded') return;
    const limited = code === 'upstream_rate_limited';
    const toldMs = retryAfterS === undefined ? undefined : retryAfterS * 1_000;
    const waitMs = Math.min(
      Math.max(0, toldMs ?? (limited ? rateLimitedMs : overloadedMs)),
      limited ? rateLimitedMsMax : overloadedMsMax,
    );
    const untilMs = nowMs + waitMs;
    if (waitMs > 0) this.pauseUntil(untilMs, code);
  }

  breakerOf(model: string): Breaker {
    const known = this.models.get(model);
    if (known !== undefined) return known;
    const [oldest] = this.models.keys();
    if (this.models.size >= modelsMax && oldest !== undefined) this.models.delete(oldest);
    const breaker = new Breaker();
    this.models.set(model, breaker);
    return breaker;
  }
}

export interface At {
  readonly nowMs: number;
  readonly rules: EjectRules;
  /** Whether the server works for others than this tenant at this moment; on one model, where it is named. */
  readonly spares: (tenant: string, model?: string) => boolean;
}

/** Whether a failure says something of the server, and not of this request alone. */
function tellsOfIt({ outcome, firstContentMs, tookMs }: Ending & { readonly outcome: Failure }): boolean {
  if (outcome.blame !== 'upstream' || refusals.has(outcome.code)) return false;
  // An answer may be longer than its time, and who asks may say how little time there is.
  return outcome.code !== 'total_timeout' || (firstContentMs === 0 && tookMs >= silentMsMin);
}

/** Whether somebody waited so long for the first word of a stream that a server that is well would have said it. */
export function isLongSilence({ silentMs = 0, cold }: Ending): boolean {
  return silentMs >= silentLeaveMsMin && !cold;
}

export function isSilence(code: FailureCode | undefined): boolean {
  return code !== undefined && silences.has(code);
}

const worded = ({ code, message }: Failure) => `${code}: ${message}`;
