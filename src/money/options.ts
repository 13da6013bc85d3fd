/** Prices as the configuration names them: of models by their tokens, of servers by the month. */
import { z } from 'zod';
import { modelName } from '../lib/options.ts';
import { type RatesPerM, services, usdPerMMax } from './price.ts';
import { type ServerPrice, serverRates } from './server-rates.ts';

const usdPerM = z.number().min(0).max(usdPerMMax);
const perSecond = z.number().min(0.1).max(100_000_000);

const longContextOptions = z.strictObject({
  aboveTokens: z.int().min(1).max(100_000_000).describe('From more input tokens than these on.'),
  inputPerM: usdPerM.describe('For all input tokens, not only those beyond.'),
  outputPerM: usdPerM.describe('For all output tokens.'),
  cachedInputPerM: usdPerM.optional().describe('For input that the upstream had kept; as input when absent.'),
  reasoningPerM: usdPerM.optional().describe('For output of hidden reasoning; as output when absent.'),
});

const serviceOptions = z.strictObject({
  inputPerM: usdPerM.describe('US dollars for a million input tokens.'),
  outputPerM: usdPerM.describe('US dollars for a million output tokens.'),
  cachedInputPerM: usdPerM.optional().describe('For input that the upstream had kept; as input when absent.'),
  reasoningPerM: usdPerM.optional().describe('For output of hidden reasoning; as output when absent.'),
});

const priceOptions = z
  .strictObject({
    inputPerM: usdPerM.optional().describe('US dollars for a million input tokens.'),
    outputPerM: usdPerM.optional().describe('US dollars for a million output tokens; 0 for embeddings.'),
    cachedInputPerM: usdPerM
      .optional()
      .describe('For input that the upstream had kept; as input when absent.'),
    reasoningPerM: usdPerM.optional().describe('For output of hidden reasoning; as output when absent.'),
    longContext: longContextOptions
      .optional()
      .describe('Other prices, for the whole of a request with a long input.'),
    batch: serviceOptions
      .optional()
      .describe(
        'Other prices, of answers whose `service_tier` is `batch`. The dearest there is here when absent.',
      ),
    flex: serviceOptions
      .optional()
      .describe(
        'Other prices, of answers whose `service_tier` is `flex`. The dearest there is here when absent.',
      ),
    priority: serviceOptions
      .optional()
      .describe(
        'Other prices, of answers whose `service_tier` is `priority`. The dearest there is here when absent.',
      ),
    monthlyUsd: z
      .number()
      .min(0)
      .max(10_000_000)
      .optional()
      .describe(
        'Of an upstream, in place of prices of tokens: what its server costs a month, in US dollars.',
      ),
    inputTokensPerSecond: perSecond
      .optional()
      .describe('How many input tokens that server reads in a second with all its slots busy.'),
    outputTokensPerSecond: perSecond
      .optional()
      .describe('How many output tokens it writes in a second with all its slots busy.'),
    utilisation: z
      .number()
      .min(0.001)
      .max(1)
      .optional()
      .describe('The share of the month that it is busy: what its idle time costs is spread over the rest.'),
    since: z.iso
      .date()
      .optional()
      .describe(
        'The first day that the server is paid for, as YYYY-MM-DD in UTC; the day of the first exchange when absent.',
      ),
  })
  .superRefine((price, context) => {
    for (const [key, message] of misplaced(price)) context.addIssue({ code: 'custom', path: [key], message });
  })
  // As found to be just now.
  .transform((price) => price as TokenPrice | ServerPrice);

export const promptMarginUsual = 0.25;

export const pricesOptions = z
  .object({
    premium: modelName
      .optional()
      .describe(
        'The model that all others stand in for: what it would have cost more is counted as saved. ' +
          'One of the catalogue, or one with a price of its own.',
      ),
    margin: z
      .number()
      .min(0)
      .max(10)
      .optional()
      .describe(
        'How much more than estimated is set aside for a prompt where a budget applies, as a share of the estimate: ' +
          `${promptMarginUsual} when absent. What a tokenizer makes beyond it passes the budget.`,
      ),
    unpriced: z
      .enum(['free', 'highest'])
      .optional()
      .describe(
        'What a model costs that has no price here, at a server at an address of your own that may pass requests on to somebody ' +
          'who sends bills. `free`; or `highest`: the price of the catalogue, or the highest there is. When absent, `highest` where ' +
          'it is asked with a key and `free` where it is not, and a warning tells of either.',
      ),
  })
  .catchall(priceOptions)
  .default({});

interface LongContext extends RatesPerM {
  readonly aboveTokens: number;
}

export interface TokenPrice extends RatesPerM {
  readonly longContext?: LongContext | undefined;
  readonly batch?: RatesPerM | undefined;
  readonly flex?: RatesPerM | undefined;
  readonly priority?: RatesPerM | undefined;
}

type Keys = Readonly<Record<string, unknown>>;

const tokenKeys = ['inputPerM', 'outputPerM'];
const tokenKeysAlone = [...tokenKeys, 'cachedInputPerM', 'reasoningPerM', 'longContext', ...services];
const serverKeys = ['monthlyUsd', 'inputTokensPerSecond', 'outputTokensPerSecond', 'utilisation'];

function misplaced(price: Keys): [key: string, message: string][] {
  const said = (key: string) => price[key] !== undefined;
  const ofServer = said('monthlyUsd');
  const wrong = (ofServer ? tokenKeysAlone : [...serverKeys, 'since']).filter(said);
  const missing = (ofServer ? serverKeys : tokenKeys).filter((key) => !said(key));
  if (wrong.length > 0) {
    const message = ofServer
      ? 'has no place beside `monthlyUsd`'
      : 'needs `monthlyUsd` beside it, and no prices of tokens';
    return wrong.map((key) => [key, message]);
  }
  if (missing.length > 0) return missing.map((key) => [key, 'is missing']);
  if (!ofServer) return [];
  const { inputPerM, outputPerM } = serverRates(price as unknown as ServerPrice);
  return Math.max(inputPerM, outputPerM) <= usdPerMMax
    ? []
    : [['monthlyUsd', `comes to more than ${usdPerMMax} US dollars for a million tokens`]];
}
