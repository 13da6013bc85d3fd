/**
 * What failures come to: after so many in a row, or half of the last ones, nothing more is sent for a while; then one
 * request tries; when it has ended well, load comes back bit by bit. Pure: it is told the time.
 */

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

/** Of so many outcomes, the last ones, half must be good. */
const windowOutcomes = 20;
const windowMask = 2 ** windowOutcomes - 1;
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
  /** The last outcomes, a bit each, the newest lowest; 1 is a failure. */
  #recent = 0;
  #lastFailureMs = Number.NEGATIVE_INFINITY;
  /** How often it opened without being well for long in between. */
  #rounds = 0;
  #returnedMs = Number.NEGATIVE_INFINITY;

  get isClean(): boolean {
    return this.standing === 'closed' && this.row === 0 && this.#recent === 0;
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

  served(nowMs: number): void {
    const tried = this.onTrial;
    this.onTrial = false;
    // Who was sent before it opened, and ended well after, is no trial.
    if (this.standing === 'open' && !tried) return;
    this.row = 0;
    this.#recent = (this.#recent << 1) & windowMask;
    if (this.standing === 'closed' || this.standing === 'returning') return;
    this.#recent = 0;
    this.standing = 'returning';
    this.#returnedMs = nowMs;
  }

  /** `inWindow`: whether it counts among the last ones as well, or in a row alone. */
  failed(
    nowMs: number,
    rules: EjectRules,
    { silent, inWindow }: { silent: boolean; inWindow: boolean },
  ): void {
    const tried = this.onTrial;
    this.onTrial = false;
    this.row += 1;
    if (this.standing === 'open' && !tried) return;
    if (inWindow) this.#count(nowMs);
    if (tried || this.standing === 'trial' || this.row >= rules.failures) {
      this.open(nowMs, rules, silent ? 'silence' : 'row');
    } else if (ones(this.#recent) * 2 >= windowOutcomes) {
      this.open(nowMs, rules, 'rate');
    }
  }

  open(nowMs: number, rules: EjectRules, cause: Cause): void {
    const wasWell = this.standing === 'closed' && nowMs - this.#returnedMs > rules.maxMs;
    this.#rounds = wasWell ? 1 : this.#rounds + 1;
    this.standing = 'open';
    this.cause = cause;
    this.onTrial = false;
    this.openedMs = nowMs;
    this.untilMs = nowMs + Math.min(rules.maxMs, rules.baseMs * this.#rounds);
  }

  /** A request may try before its time. */
  letTry(): void {
    if (this.standing === 'open') this.standing = 'trial';
  }

  #count(nowMs: number): void {
    if (nowMs - this.#lastFailureMs > windowMs) this.#recent = 0;
    this.#lastFailureMs = nowMs;
    this.#recent = ((this.#recent << 1) | 1) & windowMask;
  }
}

function ones(bits: number): number {
  let count = 0;
  for (let left = bits; left !== 0; left &= left - 1) count += 1;
  return count;
}
