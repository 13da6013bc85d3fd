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
  /** No word came back. */
  readonly silent: boolean;
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
  /** When it opened last. */
  openedMs = 0;
  /** When a request may try, as long as it is open. */
  untilMs = 0;
  /** Whether a request is trying. */
  onTrial = false;
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

  /** When time alone changes it next. */
  nextMs(nowMs: number, rules: EjectRules): number {
    const { slowStartMs, baseMs } = rules;
    if (this.standing === 'open') return this.untilMs;
    if (this.awaits(nowMs, rules)) return this.#triedMs + baseMs;
    return this.standing === 'returning' ? nowMs + slowStartMs / returnSteps : Number.POSITIVE_INFINITY;
  }

  began(nowMs: number): void {
    if (this.standing !== 'open' && this.standing !== 'trial') return;
    this.onTrial = true;
    this.#triedMs = nowMs;
  }

  /** A request ended that tells nothing. */
  left(): void {
    this.onTrial = false;
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
  leftInSilence(nowMs: number, rules: EjectRules, blow: Pick<Blow, 'tenant' | 'spares'>): void {
    const tried = this.onTrial && this.cause === 'silence';
    this.onTrial = false;
    if (this.standing === 'open' && !tried) return;
    this.#leavings += 1;
    this.#ofLeavings.add(blow.tenant);
    if (tried) this.open(nowMs, rules, 'silence');
    else if (this.#leavings >= rules.failures && !this.#ofLeavings.isSpared(blow))
      this.open(nowMs, rules, 'silence');
  }

  served(nowMs: number): void {
    const tried = this.onTrial;
    this.onTrial = false;
    // Who was sent before it opened, and ended well after, is no trial.
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
    const tried = this.onTrial;
    this.onTrial = false;
    this.row += 1;
    this.#ofRow.add(blow.tenant);
    if (this.standing === 'open' && !tried) return;
    if (blow.inWindow) this.#count(nowMs, blow);
    const inRow = this.row >= rules.failures && !this.#ofRow.isSpared(blow);
    if (tried || this.standing === 'trial' || inRow) {
      this.open(nowMs, rules, blow.silent ? 'silence' : 'row');
    } else if (this.#recent.failures * 2 >= outcomesCounted && !this.#isSparedLately(blow)) {
      this.open(nowMs, rules, 'rate');
    }
  }

  open(nowMs: number, rules: EjectRules, cause: Cause): void {
    const wasWell = this.standing === 'closed' && nowMs - this.#returnedMs > rules.maxMs;
    this.#rounds = wasWell ? 1 : this.#rounds + 1;
    this.standing = 'open';
    this.cause = cause;
    this.heard();
    this.onTrial = false;
    this.openedMs = nowMs;
    this.untilMs = nowMs + Math.min(rules.maxMs, rules.baseMs * this.#rounds);
  }

  /** How often it opened: the next time it is open for so much longer. */
  get rounds(): number {
    return this.#rounds;
  }

  /** Another replica has opened it, and tries first. */
  openFor({ nowMs, untilMs, cause, rounds }: OpenElsewhere): void {
    if (this.standing !== 'open') this.openedMs = nowMs;
    this.standing = 'open';
    this.cause = cause;
    this.onTrial = false;
    this.untilMs = Math.max(this.untilMs, untilMs);
    this.#rounds = Math.max(this.#rounds, rounds);
  }

  /** A request may try before its time. */
  letTry(): void {
    if (this.standing === 'open') this.standing = 'trial';
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

  isSpared({ tenant, spares }: Pick<Blow, 'tenant' | 'spares'>): boolean {
    return !this.#areMany && spares(tenant);
  }
}
