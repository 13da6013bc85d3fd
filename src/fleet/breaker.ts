/**
 * What failures come to: after so many in a row, or half of the last ones, nothing more is sent for a while; then one
 * request tries; when it has ended well, load comes back bit by bit. Pure: it is told the time.
 */
import { LastOutcomes, outcomesCounted } from './last-outcomes.ts';

/**
 * `closed`: all is well. `open`: nothing is sent. `trial`: one request may try. `returning`: it has ended well, and load
 * comes back.
 */
export type Standing = 'closed' | 'open' | 'trial' | 'returning';

/**
 * Why it opened. `row`: nothing but failures. `rate`: it serves some, and fails too many. `silence`: no word comes back
 * at all.
 */
export type Cause = 'row' | 'rate' | 'silence';

export interface EjectRules {
  /** Failures in a row. */
  readonly failures: number;
  /** How long it is open at first; each time again it is so much longer. */
  readonly baseMs: number;
  readonly maxMs: number;
  /** How long it takes until all of it may be used again. */
  readonly slowStartMs: number;
}

/** What ended badly there, and whose it was. */
export interface Blow {
  /** When it was sent there. */
  readonly sentMs: number;
  /** No word came back. */
  readonly silent: boolean;
  /** Nobody can bring it about from outside: it would have met whoever asked. */
  readonly isConclusive: boolean;
  /** Whether it counts among the last ones as well, or in a row alone. */
  readonly inWindow: boolean;
  readonly tenant: string;
  /** Whether the server works for others than this tenant at this moment, who would be shut out for its sake. */
  readonly spares: (tenant: string) => boolean;
}

export interface OpenElsewhere {
  readonly nowMs: number;
  readonly untilMs: number;
  readonly cause: Cause;
  readonly rounds: number;
  /** The only tenant that it failed for; nothing where that is not known. */
  readonly culprit: string | undefined;
}

/** Failures that are longer ago than this say nothing of today. */
const windowMs = 30_000;
/** In so many steps load comes back: whoever waits is told of each. */
const returnSteps = 10;

export class Breaker {
  standing: Standing = 'closed';
  cause: Cause = 'row';
  /** Failures since the last success. */
  row = 0;
  /** When it opened last. What was sent before says nothing of what it is since. */
  openedMs = Number.NEGATIVE_INFINITY;
  /** When a request may try, as long as it is open. */
  untilMs = 0;
  /** Whether a request is trying. */
  onTrial = false;
  /** The only tenant for which it failed when it opened, in a way that a request can bring about. */
  culprit: string | undefined;
  /** When a request of any other may try, where there is one. */
  #othersMs = Number.POSITIVE_INFINITY;
  /** When the last one began to. */
  #triedMs = 0;
  readonly #recent = new LastOutcomes();
  #lastFailureMs = Number.NEGATIVE_INFINITY;
  /** Clients since the last word that left without one, each after a long wait. */
  #leavings = 0;
  /** Whose the failures of the row are, as long as all are one tenant's; and whose the leavings. */
  readonly #ofRow = new Culprit();
  readonly #ofLeavings = new Culprit();
  /** How often it opened without being well for long in between. */
  #rounds = 0;
  #returnedMs = Number.NEGATIVE_INFINITY;

  get isClean(): boolean {
    return (
      this.standing === 'closed' && this.row === 0 && this.#recent.failures === 0 && this.#leavings === 0
    );
  }

  /** What time alone has changed. */
  settle(nowMs: number, { slowStartMs }: EjectRules): void {
    if (this.standing === 'open' && nowMs >= this.untilMs) this.standing = 'trial';
    if (this.standing === 'returning' && nowMs - this.#returnedMs >= slowStartMs) this.standing = 'closed';
  }

  /** Of so many slots, those that may be used where it is not open. */
  part(slots: number, nowMs: number, { slowStartMs }: EjectRules): number {
    if (this.standing !== 'returning') return slots;
    return Math.min(slots, Math.max(1, Math.floor((slots * (nowMs - this.#returnedMs)) / slowStartMs)));
  }

  /** Whether it waits for how a try ends. One that takes its time, be it a long answer, does not keep others from trying. */
  awaits(nowMs: number, { baseMs }: EjectRules): boolean {
    return this.onTrial && nowMs < this.#triedMs + baseMs;
  }

  /** Whether a try of that tenant would tell something: its time is over, or it failed for another tenant alone. */
  mayBeTriedBy(tenant: string, nowMs: number): boolean {
    if (this.standing !== 'open') return this.standing === 'trial';
    return this.culprit !== undefined && this.culprit !== tenant && nowMs >= this.#othersMs;
  }

  /** When time alone changes it next. */
  nextMs(nowMs: number, rules: EjectRules): number {
    const { slowStartMs, baseMs } = rules;
    if (this.standing === 'open')
      return this.culprit !== undefined && nowMs < this.#othersMs ? this.#othersMs : this.untilMs;
    if (this.awaits(nowMs, rules)) return this.#triedMs + baseMs;
    return this.standing === 'returning' ? nowMs + slowStartMs / returnSteps : Number.POSITIVE_INFINITY;
  }

  began(nowMs: number): void {
    if (this.standing !== 'open' && this.standing !== 'trial') return;
    this.onTrial = true;
    this.#triedMs = nowMs;
  }

  /** A request ended that tells nothing. */
  left(sentMs: number): void {
    if (!this.#isOfBefore(sentMs)) this.onTrial = false;
  }

  /** A client left a stream of which something had come: it is not silent. */
  heard(): void {
    this.#leavings = 0;
    this.#ofLeavings.forget();
  }

  /**
   * A client left a stream without a word having come, after a long wait. One says nothing, for clients have reasons of
   * their own; as many in a row as failures would have to be tell that it hangs.
   */
  leftInSilence(nowMs: number, rules: EjectRules, blow: Pick<Blow, 'sentMs' | 'tenant' | 'spares'>): void {
    if (this.#isOfBefore(blow.sentMs)) return;
    const tried = this.onTrial && this.cause === 'silence';
    this.onTrial = false;
    if (this.standing === 'open' && !tried) return;
    this.#leavings += 1;
    this.#ofLeavings.add(blow.tenant);
    if (tried) this.#reopen(nowMs, rules, { ...blow, silent: true, isConclusive: false });
    else if (this.#leavings >= rules.failures && !this.#ofLeavings.isSpared(blow))
      this.open(nowMs, rules, 'silence');
  }

  served(nowMs: number, sentMs: number): void {
    if (this.#isOfBefore(sentMs)) return;
    const tried = this.onTrial;
    this.onTrial = false;
    if (this.standing === 'open' && !tried) return;
    this.row = 0;
    this.#ofRow.forget();
    this.heard();
    this.#recent.add();
    if (this.standing === 'closed' || this.standing === 'returning') return;
    this.#recent.forget();
    this.standing = 'returning';
    this.#returnedMs = nowMs;
  }

  failed(nowMs: number, rules: EjectRules, blow: Blow): void {
    if (this.#isOfBefore(blow.sentMs)) return;
    const tried = this.onTrial;
    this.onTrial = false;
    this.row += 1;
    this.#ofRow.add(blow.tenant);
    if (this.standing === 'open' && !tried) return;
    if (blow.inWindow) this.#count(nowMs, blow);
    if (tried || this.standing === 'trial') this.#reopen(nowMs, rules, blow);
    else this.#openIfTooMany(nowMs, rules, blow);
  }

  open(nowMs: number, rules: EjectRules, cause: Cause): void {
    const wasWell = this.standing === 'closed' && nowMs - this.#returnedMs > rules.maxMs;
    this.#rounds = wasWell ? 1 : this.#rounds + 1;
    this.#openUntil(nowMs, rules, cause);
  }

  /** How often it opened: the next time it is open for so much longer. */
  get rounds(): number {
    return this.#rounds;
  }

  /** Another replica has opened it, and tries first. */
  openFor({ nowMs, untilMs, cause, rounds, culprit }: OpenElsewhere): void {
    if (this.standing !== 'open') this.openedMs = nowMs;
    this.standing = 'open';
    this.cause = cause;
    this.onTrial = false;
    this.culprit = culprit;
    this.#othersMs = cause === 'silence' ? untilMs : nowMs;
    this.untilMs = Math.max(this.untilMs, untilMs);
    this.#rounds = Math.max(this.#rounds, rounds);
  }

  /** A request may try before its time. */
  letTry(): void {
    if (this.standing === 'open') this.standing = 'trial';
  }

  /** Who was sent before it opened, and ended after, tried nothing: that neither closes it nor keeps it open for longer. */
  #isOfBefore(sentMs: number): boolean {
    return sentMs < this.openedMs;
  }

  #openIfTooMany(nowMs: number, rules: EjectRules, blow: Blow): void {
    if (this.row >= rules.failures && !this.#ofRow.isSpared(blow)) {
      this.open(nowMs, rules, blow.silent ? 'silence' : 'row');
      if (this.#ofRow.isOne) this.#spareOthers(nowMs, rules, blow);
    } else if (this.#recent.failures * 2 >= outcomesCounted && !this.#isSparedLately(blow)) {
      this.open(nowMs, rules, 'rate');
      if (this.#recent.areAllOf(blow.tenant)) this.#spareOthers(nowMs, rules, blow);
    }
  }

  /**
   * A try has failed. What one tenant's request brought about may be the request's fault: then the next try is for another
   * tenant, and only when that has failed as well it is left alone by all.
   */
  #reopen(nowMs: number, rules: EjectRules, blow: Pick<Blow, 'silent' | 'isConclusive' | 'tenant'>): void {
    const { culprit } = this;
    const cause = blow.silent ? 'silence' : 'row';
    const isSecond = culprit !== undefined && culprit !== blow.tenant;
    // The one that failed first has put it out for longer already.
    if (isSecond && this.standing === 'open') this.#openUntil(nowMs, rules, cause);
    else this.open(nowMs, rules, cause);
    if (!isSecond) this.#spareOthers(nowMs, rules, blow);
  }

  #spareOthers(
    nowMs: number,
    { baseMs }: EjectRules,
    { silent, isConclusive, tenant }: Pick<Blow, 'silent' | 'isConclusive' | 'tenant'>,
  ): void {
    if (isConclusive || tenant === '') return;
    this.culprit = tenant;
    // Waiting for a word in vain takes long: nobody does so for the sake of asking.
    this.#othersMs = silent ? nowMs + baseMs : nowMs;
  }

  #openUntil(nowMs: number, { maxMs, baseMs }: EjectRules, cause: Cause): void {
    this.standing = 'open';
    this.cause = cause;
    this.heard();
    this.onTrial = false;
    this.culprit = undefined;
    this.openedMs = nowMs;
    this.untilMs = nowMs + Math.min(maxMs, baseMs * this.#rounds);
  }

  #count(nowMs: number, { tenant }: Blow): void {
    if (nowMs - this.#lastFailureMs > windowMs) this.#recent.forget();
    this.#lastFailureMs = nowMs;
    this.#recent.add(tenant);
  }

  #isSparedLately({ tenant, spares }: Blow): boolean {
    return this.#recent.areAllOf(tenant) && spares(tenant);
  }
}

/** Whose failures they are. What one tenant brings about alone, be it on purpose, takes no server from the others. */
class Culprit {
  #only: string | undefined;
  #areMany = false;

  add(tenant: string): void {
    this.#areMany ||= this.#only !== undefined && this.#only !== tenant;
    this.#only = tenant;
  }

  forget(): void {
    this.#only = undefined;
    this.#areMany = false;
  }

  get isOne(): boolean {
    return !this.#areMany;
  }

  isSpared({ tenant, spares }: Pick<Blow, 'tenant' | 'spares'>): boolean {
    return !this.#areMany && spares(tenant);
  }
}
