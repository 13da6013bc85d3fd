/** What an exchange came to, once it is over: told, or else counted. It is priced by that, and what was set aside settled. */
import type { Reservation, Spend } from '../core/budget.ts';
import type { Planned } from '../core/exchange.ts';
import type { FailureCode } from '../core/failure.ts';
import type { Usage } from '../core/part.ts';
import type { LeftTryRecord, Trail } from '../core/trail.ts';
import { allUsage, earlierUsage, handedOver, type LegUsage, questionTokens } from './carried-usage.ts';
import type { SpendEstimate } from './spend-estimate.ts';
import type { SpendMeter } from './spend-meter.ts';
import { answersOf, answerTokensMax, promptTokens } from './token-estimate.ts';

export interface SettleOptions {
  /** Writes into a finished trail what it cost, and what it saved unless it failed. */
  readonly price: (trail: Trail, failed: boolean) => void;
  /** Adds to it what was asked and said elsewhere, in vain or not. */
  readonly priceMore: (trail: Trail, leg: LegUsage) => void;
  readonly lengths: Lengths;
  /** It cost more than twice what was foreseen. */
  readonly onDoubted: (trail: Trail) => void;
}

/** Beyond so many times of what was foreseen somebody is told: it is more than a gateway can be wrong by. */
const doubtedTimes = 2;

/** How long a model's answers are. */
interface Lengths {
  /** What nineteen of twenty stay below, in tokens. */
  p95(model: string): number;
  tell(model: string, tokens: number): void;
}

export interface Reserved {
  readonly exchange: Planned;
  /** Absent where no budget bounds it, and so are the others. */
  readonly reservation?: Reservation;
  readonly estimate?: SpendEstimate;
  readonly meter?: SpendMeter;
}

/** `code` says why it failed, if it did. Never throws: the answer is out, and others hang on its end. */
export function settle(options: SettleOptions, reserved: Reserved, code: FailureCode | undefined): void {
  const { exchange, reservation } = reserved;
  const { trail } = exchange;
  try {
    complete(options, exchange, code);
    options.price(trail, code !== undefined && code !== 'client_gone');
    if (trail.carriedOn !== undefined || trail.leftTries !== undefined) addEarlier(options, exchange);
    tellExcess(reserved);
    const { costNanoUsd, reservedNanoUsd } = trail;
    if (reservedNanoUsd > 0 && costNanoUsd > doubtedTimes * reservedNanoUsd) options.onDoubted(trail);
  } catch (mistake) {
    process.emitWarning(mistake instanceof Error ? mistake : new Error(String(mistake)));
  }
  reservation?.settle(spendOf(trail));
}

/** The question was asked of others too: of those who said a part of the answer, and of those who were left for another. */
function addEarlier({ priceMore, lengths }: SettleOptions, exchange: Planned): void {
  const { trail, call } = exchange;
  const question = questionTokens(trail, Math.ceil(promptTokens(call)));
  const left = (trail.leftTries ?? []).flatMap((one) => {
    const usage = usageOfLeft(exchange, { one, question, lengths });
    if (usage === undefined) return [];
    trail.usageEstimated ||= one.usage === undefined;
    return [{ ...one, usage }];
  });
  const earlier = [...earlierUsage(trail, question), ...left];
  if (earlier.length === 0) return;
  for (const leg of earlier) priceMore(trail, leg);
  trail.usage = allUsage(trail.usage, earlier);
}

interface Left {
  readonly one: LeftTryRecord;
  readonly question: number;
  readonly lengths: Lengths;
}

function usageOfLeft(exchange: Planned, { one, question, lengths }: Left): Usage | undefined {
  const { usage, outputSeen } = one;
  // It may have told what it had come to before it said the last of it.
  if (usage !== undefined) return { ...usage, outputTokens: Math.max(usage.outputTokens, outputSeen) };
  const inputTokens = question + one.handedTokens;
  if (outputSeen > 0) return { inputTokens, outputTokens: outputSeen };
  return givenUp.has(one.code) ? { inputTokens, outputTokens: likelyOutput(exchange, lengths) } : undefined;
}

/** Fills in the usage that nobody told, and learns from the one that somebody did. */
function complete({ lengths }: SettleOptions, exchange: Planned, code: FailureCode | undefined): void {
  const { trail, call } = exchange;
  if (trail.upstream === '' || trail.sentMs === 0) return;
  if (trail.usage === undefined) {
    trail.usage = countedUsage(exchange, code, lengths);
    trail.usageEstimated = trail.usage !== undefined;
  } else if (code === undefined && call.kind !== 'embed' && trail.carriedOn === undefined) {
    lengths.tell(trail.model, trail.usage.outputTokens / answersOf(call));
  }
}

/** An upstream that was given up in these cases was at work: on a whole answer nobody knows for how long. */
const givenUp: ReadonlySet<FailureCode> = new Set([
  'client_gone',
  'not_continued',
  'first_token_timeout',
  'idle_timeout',
  'total_timeout',
]);

function countedUsage(exchange: Planned, code: FailureCode | undefined, lengths: Lengths): Usage | undefined {
  const { trail, call } = exchange;
  const before = trail.carriedOn?.at(-1);
  const inputTokens = Math.ceil(promptTokens(call)) + handedOver(before);
  if (code === undefined || trail.outputSeen > 0) {
    return { inputTokens, outputTokens: trail.outputSeen + (before?.tokensAgain ?? 0) };
  }
  return givenUp.has(code) ? { inputTokens, outputTokens: likelyOutput(exchange, lengths) } : undefined;
}

/** Of a stream it was seen that nothing came. */
function likelyOutput({ trail, call, meter }: Planned, lengths: Lengths): number {
  const isUnseen = !call.stream && meter === undefined && call.kind !== 'embed';
  const likely = isUnseen ? lengths.p95(trail.model) * answersOf(call) : 0;
  return Math.min(likely, answerTokensMax(call));
}

/** What no gateway knows beforehand: a prompt that is longer than it looks, and reasoning that nobody sees. */
function tellExcess({ exchange, estimate, meter }: Reserved): void {
  const { trail } = exchange;
  const { usage } = trail;
  if (estimate === undefined || usage === undefined) return;
  const reserved = meter?.reserved ?? estimate.spend;
  trail.excessNanoUsd = Math.max(0, trail.costNanoUsd - reserved.nanoUsd);
  const prompt = usage.inputTokens - estimate.promptTokens;
  if (prompt > 0) trail.warn([`its prompt had ${prompt} tokens more than were reserved for it`]);
  const answer = usage.outputTokens - (reserved.tokens - estimate.promptTokens);
  if (answer <= 0) return;
  const hidden = usage.reasoningTokens ?? 0;
  trail.warn([
    `its answer had ${answer} tokens more than were reserved for it, ${hidden} of all hidden reasoning`,
  ]);
}

/** What reached an upstream was a request, whatever came of it, and wherever it waited when it ended. */
function spendOf({ usage, costNanoUsd, upstream, attempts }: Trail): Spend {
  const tokens = usage === undefined ? 0 : usage.inputTokens + usage.outputTokens;
  return { nanoUsd: costNanoUsd, tokens, requests: upstream === '' && attempts.length === 0 ? 0 : 1 };
}
