/** The fields of a request that choose among the likely tokens; the defaults are those of llama.cpp's own server. */
import { randomInt } from 'node:crypto';
import type { Sampling, Token } from './binding.ts';
import { type Fields, readNumber } from './fields.ts';

const seedMax = 2 ** 32 - 1;
/** The newest tokens of the reply that the penalties look at. */
const penalisedTokensMax = 256;

/** `reply` is the growing list of the tokens generated so far. */
export function parseSampling(fields: Fields): (reply: readonly Token[]) => Sampling {
  const chosen = {
    temperature: readNumber(fields, 'temperature', { min: 0, max: 100 }) ?? 0.8,
    topP: readNumber(fields, 'top_p', { min: 0, max: 1 }) ?? 0.95,
    topK: readNumber(fields, 'top_k', { min: 0, max: 1_000_000, integer: true }) ?? 40,
    minP: readNumber(fields, 'min_p', { min: 0, max: 1 }) ?? 0.05,
    // The library's own default is the second of the clock, the same for all who ask within it.
    seed: readSeed(fields) ?? randomInt(seedMax),
  };
  const penalties = {
    penalty: readNumber(fields, 'repeat_penalty', { min: 0.01, max: 10 }) ?? 1,
    frequencyPenalty: readNumber(fields, 'frequency_penalty', { min: -2, max: 2 }) ?? 0,
    presencePenalty: readNumber(fields, 'presence_penalty', { min: -2, max: 2 }) ?? 0,
  };
  const isPenalised =
    penalties.penalty !== 1 || penalties.frequencyPenalty !== 0 || penalties.presencePenalty !== 0;
  if (!isPenalised) return () => chosen;
  return (reply) => ({
    ...chosen,
    repeatPenalty: {
      ...penalties,
      maxPunishTokens: penalisedTokensMax,
      punishTokens: () => reply.slice(-penalisedTokensMax),
    },
  });
}

/** Ollama and llama.cpp write -1 for "any". */
function readSeed(fields: Fields): number | undefined {
  const seed = readNumber(fields, 'seed', { min: -1, max: Number.MAX_SAFE_INTEGER, integer: true });
  return seed === undefined || seed === -1 ? undefined : seed % (seedMax + 1);
}
