/** What a call may come to, told before it is sent: so much is set aside for it. */
import type { Spend } from '../core/budget.ts';
import type { Call } from '../core/call.ts';
import type { NanoUsd } from '../core/ledger.ts';
import { answersOf, answerTokensMax, promptTokens } from './token-estimate.ts';

export interface SpendEstimate {
  readonly spend: Spend;
  readonly promptTokens: number;
  readonly answerTokens: number;
}

/** Added for each message: what the model's template puts around it. */
const tokensAroundMessage = 8;
/** No answer is as long, nor counted as longer: a greater bound is none. At this one every cost is a number that the ledger can keep. */
const answerTokensMost = 100_000_000;

interface Foreseen {
  readonly p95Tokens: number;
  /** Added to an estimated prompt, as a share of it: a model's tokenizer may be worse at a text than most are. */
  readonly promptMargin: number;
  /** At the prices of the dearest of those who may answer it. */
  readonly costOf: (promptTokens: number, answerTokens: number) => NanoUsd;
}

export function estimateSpend(call: Call, { p95Tokens, promptMargin, costOf }: Foreseen): SpendEstimate {
  const prompt = promptTokensAhead(call, promptMargin);
  const answer = answerTokensAhead(call, p95Tokens);
  return {
    spend: { nanoUsd: costOf(prompt, answer), tokens: prompt + answer, requests: 1 },
    promptTokens: prompt,
    answerTokens: answer,
  };
}

function promptTokensAhead(call: Call, margin: number): number {
  const messages = call.kind === 'chat' ? call.messages.length : 1;
  return Math.ceil(promptTokens(call) * (1 + margin)) + messages * tokensAroundMessage;
}

/** What comes as a stream is extended as it runs; a whole answer with a bound is all there at once. */
function answerTokensAhead(call: Call, p95Tokens: number): number {
  const asked = answerTokensMax(call);
  if (!call.stream && asked <= answerTokensMost) return asked;
  return Math.min(asked, p95Tokens * answersOf(call));
}
