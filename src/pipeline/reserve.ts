/**
 * Sets aside what the call may come to, where budgets bound it, and says what is about to be spent before anything is
 * sent: what comes after that is never forgotten (G21), and counts at its estimate wherever somebody sends a bill for it.
 * When it is over it is priced and settled, once.
 */
import type { BudgetDecision, Reservation, Spend, TokenRates } from '../core/budget.ts';
import type { Planned, Target } from '../core/exchange.ts';
import { asFailure, Failure, type FailureCode, fail } from '../core/failure.ts';
import type { NanoUsd } from '../core/ledger.ts';
import type { Budgets } from '../core/ports.ts';
import { type Handler, type Outcome, onEnded, type Reply, type Stage } from '../core/stage.ts';
import type { Trail } from '../core/trail.ts';
import { loadAsked } from '../protocol/ollama-load.ts';
import { callerOf } from './caller.ts';
import { type Reserved, type SettleOptions, settle } from './settlement.ts';
import { estimateSpend, type SpendEstimate } from './spend-estimate.ts';
import { costAhead, SpendMeter } from './spend-meter.ts';
import { answersOf, answerTokensMax } from './token-estimate.ts';

export interface ReserveOptions extends SettleOptions {
  /** Resolves when the intent is kept, or to false when it cannot be, which is counted and told of. Never rejects. */
  readonly intend: (trail: Trail) => Promise<boolean>;
  /** Whether somebody sends a bill for what is asked there. */
  readonly isBilled: (served: Served) => boolean;
  /** What tokens will cost there, in a request with so long a prompt. */
  readonly ratesAhead: (served: Served, promptTokens: number, serviceTierAsked?: string) => TokenRates;
  /** How long an answer may be asked for there, in tokens. */
  readonly answerTokensMax: (served: Served) => number;
  /** Set aside on top of what a prompt is estimated at: a share of it. */
  readonly promptMargin: number;
  /** Absent where there are none: then nothing is promised. */
  readonly budgets?: Budgets | undefined;
}

interface Served {
  readonly upstream: string;
  readonly targetModel: string;
  /** As clients call it. */
  readonly model: string;
}

export function reserve(options: ReserveOptions): Stage<Planned> {
  const { budgets } = options;
  return (next) => (exchange) => {
    const { admission, call, trail } = exchange;
    const { service_tier: tier } = call.extra;
    if (typeof tier === 'string') trail.serviceTierAsked = tier;
    // A model that is only to be loaded says nothing that costs money.
    const saysNothing = loadAsked(call) !== undefined;
    if (budgets === undefined || saysNothing) {
      if (!saysNothing) estimateBill(options, exchange);
      return proceedAdmitted(options, next, exchange);
    }
    const estimate = estimateFor(options, exchange);
    const decision = budgets.reserve(callerOf(exchange.principal), estimate.spend);
    const wanted = { options, exchange, estimate };
    // Waited for only where there is something to wait for.
    if (decision instanceof Promise || admission !== undefined) {
      return admitted(admission, decision).then((taken) => enter(options, next, reservedBy(taken, wanted)));
    }
    return enter(options, next, reservedBy(decision, wanted));
  };
}

/** Where nothing is reserved. */
function proceedAdmitted(options: ReserveOptions, next: Handler<Planned>, exchange: Planned): Promise<Reply> {
  const { admission } = exchange;
  if (admission === undefined) return proceed(options, next, { exchange });
  return admission.then(() => proceed(options, next, { exchange }));
}

function estimateBill(options: ReserveOptions, exchange: Planned): void {
  if (isBilledSomewhere(options, exchange)) tellEstimate(exchange, estimateFor(options, exchange));
}

/** Both are asked at once. Whom the limits refuse has reserved nothing. */
async function admitted(
  admission: Promise<unknown> | undefined,
  decision: BudgetDecision | Promise<BudgetDecision>,
): Promise<BudgetDecision> {
  const [entry, taken] = await Promise.allSettled([admission, decision]);
  if (taken.status === 'rejected') throw taken.reason;
  if (entry.status === 'fulfilled') return taken.value;
  if (taken.value.allowed) taken.value.reservation?.settle(nothingSpent);
  throw entry.reason;
}

function estimateFor(options: ReserveOptions, exchange: Planned): SpendEstimate {
  const { lengths, promptMargin } = options;
  const { call, trail } = exchange;
  return estimateSpend(call, {
    p95Tokens: lengths.p95(trail.model),
    promptMargin,
    costOf: (promptTokens, answerTokens) => highest(options, exchange, { promptTokens, answerTokens }),
  });
}

interface Tokens {
  readonly promptTokens: number;
  readonly answerTokens: number;
}

/** At the dearest of whoever may answer, those of the fallbacks among them. */
function highest({ ratesAhead }: ReserveOptions, exchange: Planned, tokens: Tokens): NanoUsd {
  const { promptTokens, answerTokens } = tokens;
  let nanoUsd = 0;
  const reckon = (target: Target, model: string) => {
    const rates = ratesAhead(servedBy(target, model), promptTokens, exchange.trail.serviceTierAsked);
    nanoUsd = Math.max(nanoUsd, costAhead(rates, promptTokens, answerTokens));
  };
  for (const target of exchange.candidates) reckon(target, exchange.trail.model);
  for (const { name, targets } of exchange.fallbacks) for (const target of targets) reckon(target, name);
  return nanoUsd;
}

function isBilledSomewhere({ isBilled }: ReserveOptions, exchange: Planned): boolean {
  const { candidates, fallbacks, trail } = exchange;
  return (
    candidates.some((target) => isBilled(servedBy(target, trail.model))) ||
    fallbacks.some(({ name, targets }) => targets.some((target) => isBilled(servedBy(target, name))))
  );
}

/** What it counts at, should nothing more be heard of it. */
function tellEstimate({ trail }: Planned, { spend, promptTokens, answerTokens }: SpendEstimate): void {
  trail.reservedNanoUsd = spend.nanoUsd;
  trail.reservedInputTokens = promptTokens;
  trail.reservedOutputTokens = answerTokens;
}

function servedBy({ upstream, model: targetModel }: Target, model: string): Served {
  return { upstream: upstream.name, targetModel, model };
}

interface Wanted {
  readonly options: ReserveOptions;
  readonly exchange: Planned;
  readonly estimate: SpendEstimate;
}

/** What goes on to be sent, or why it may not. */
function reservedBy(decision: BudgetDecision, wanted: Wanted): Reserved | Failure {
  const { exchange, estimate } = wanted;
  if (!decision.allowed) return refusalOf(decision, estimate);
  const { reservation } = decision;
  if (reservation !== undefined || estimate.spend.nanoUsd > 0) tellEstimate(exchange, estimate);
  if (reservation === undefined) return { exchange };
  // A stream may be gone on with by another, who is asked the whole question again: that may come to more.
  const isBounded = estimate.answerTokens >= answerTokensMax(exchange.call);
  if (isBounded && !exchange.call.stream) return { exchange, reservation, estimate };
  const unbounded = refusalOfUnbounded(exchange);
  if (unbounded !== undefined) {
    reservation.settle(nothingSpent);
    return unbounded;
  }
  const meter = meterOf(reservation, wanted);
  return { exchange: { ...exchange, meter }, reservation, estimate, meter };
}

const nothingSpent = { nanoUsd: 0, tokens: 0, requests: 0 };

/** A whole answer without a bound is asked for as a stream. What cannot be told by one could not be stopped on its way. */
function refusalOfUnbounded({ call, candidates, fallbacks }: Planned): Failure | undefined {
  if (call.stream) return undefined;
  for (const { upstream } of [...candidates, ...fallbacks.flatMap(({ targets }) => targets)]) {
    const param = upstream.adapter.keptFromStreams(call);
    if (param === undefined) continue;
    return fail(
      'invalid_request',
      `a budget applies here, and an answer with \`${param}\` cannot be counted as it comes: say how long it may be, ` +
        'with `max_tokens` or `options.num_predict`',
      { param },
    );
  }
  return undefined;
}

function meterOf(reservation: Reservation, { options, exchange, estimate }: Wanted): SpendMeter {
  const { call, trail } = exchange;
  const { spend, promptTokens } = estimate;
  const servedAt = (upstream: string, targetModel: string) => ({ upstream, targetModel, model: trail.model });
  return new SpendMeter({
    reservation,
    reserved: spend,
    promptTokens,
    answerTokensMax: answerTokensMax(call),
    ratesOf: (upstream, targetModel) =>
      options.ratesAhead(servedAt(upstream, targetModel), promptTokens, trail.serviceTierAsked),
    longestAt: (upstream, targetModel) =>
      options.answerTokensMax(servedAt(upstream, targetModel)) * answersOf(call),
  });
}

function enter(
  options: ReserveOptions,
  next: Handler<Planned>,
  reserved: Reserved | Failure,
): Promise<Reply> {
  return reserved instanceof Failure ? Promise.reject(reserved) : proceed(options, next, reserved);
}

function proceed(options: ReserveOptions, next: Handler<Planned>, reserved: Reserved): Promise<Reply> {
  const { exchange } = reserved;
  const { trail } = exchange;
  return options
    .intend(trail)
    .then((kept) => {
      trail.begun = kept;
      if (exchange.signal.aborted) throw fail('client_gone', 'the client left before anything was sent');
      if (!kept) assertFree(options, exchange);
      return next(exchange);
    })
    .then(
      (reply) => {
        onEnded(reply, (outcome) => settle(options, reserved, codeOf(outcome)));
        return reply;
      },
      (thrown: unknown) => {
        settle(options, reserved, asFailure(thrown).code);
        throw thrown;
      },
    );
}

/** What costs money is not done while nobody can write it down (K1); what costs nothing goes on. */
function assertFree(options: ReserveOptions, exchange: Planned): void {
  if (!isBilledSomewhere(options, exchange)) return;
  throw fail('dependency_unavailable', 'what this would cost cannot be written down now; try again', {
    retryAfterS,
  });
}

const retryAfterS = 5;

function codeOf(outcome: Outcome): FailureCode | undefined {
  if (outcome.kind === 'complete') return undefined;
  return outcome.kind === 'aborted' ? 'client_gone' : outcome.failure.code;
}

/** Later than this, nobody waits for it. */
const retryAfterMaxS = 86_400;

function refusalOf(decision: Extract<BudgetDecision, { allowed: false }>, { spend }: SpendEstimate): Failure {
  if (decision.why === 'unavailable') {
    return fail('dependency_unavailable', 'what is left of the budgets cannot be told now; try again', {
      retryAfterS: 1,
    });
  }
  const { budget, retryAfterS } = decision;
  const soon = retryAfterS !== undefined && retryAfterS <= retryAfterMaxS;
  const what = `this request may come to ${amountOf(spend)}, which does not fit in what is left of a budget (${budget})`;
  return fail('budget_exceeded', what, { retryAfterS: soon ? retryAfterS : undefined });
}

/** What would have been set aside: who asks for less, by `max_tokens`, may still be let through. */
function amountOf({ nanoUsd, tokens }: Spend): string {
  return nanoUsd === 0 ? `${tokens} tokens` : `${nanoUsd / 1e9} USD and ${tokens} tokens`;
}
