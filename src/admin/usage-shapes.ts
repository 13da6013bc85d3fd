/** What the ledger is asked, and what it answers, as the admin API has it. */
import { z } from 'zod';
import { chosenWhys, ledgerDimensions, rowDimensions, savers } from '../core/ledger.ts';

const dimension = z.enum([...ledgerDimensions, ...rowDimensions]);

/** Days beyond have years that are written otherwise. */
const [dayMin, dayMax] = ['1970-01-01', '9998-12-31'];

export const day = z.iso
  .date()
  .refine((text) => text >= dayMin && text <= dayMax, `must be from ${dayMin} to ${dayMax}`)
  .describe('As YYYY-MM-DD, in UTC.');
const name = z.string().max(256).optional();
/** In figures, as a row has it. */
const count = z
  .string()
  .regex(/^(?:0|[1-9]\d{0,8})$/)
  .optional();

/** Only what has exactly these values. */
export const where = {
  tenant: name,
  team: name,
  user: name,
  key: name,
  route: name,
  model: name,
  upstream: name,
  targetModel: name.describe('As the upstream calls it.'),
  outcome: name,
};

/** What only rows tell: sums of it are added up from at most 500,000 exchanges. */
const whereRows = {
  code: name.describe('Of the failure; empty where there was none.'),
  status: count.describe('As the client was told.'),
  priceVersion: name,
  stream: z.enum(['true', 'false']).optional(),
  policy: name.describe('Who chose the target; empty where none was asked.'),
  why: z
    .enum(['', ...chosenWhys])
    .optional()
    .describe('Why it was this target; empty where none was asked.'),
  tier: count.describe('Of the target, where the first tier could not; else 0.'),
  carriedOn: count.describe('How often the answer was gone on with elsewhere.'),
  batchedWith: count.describe('How many requests went in one call upstream; 0 where it went alone.'),
  sharedFrom: name.describe('The exchange whose answer it was given; empty where it had one of its own.'),
  sharedWith: count.describe('How many others were given its answer.'),
  serviceTier: name.describe(
    'How it was served, as the upstream told it: `flex`, `priority`; empty for as usual.',
  ),
};

/** Of reports on what was used; one on what was saved has a column for each. */
const savedBy = z
  .enum(['', ...savers])
  .optional()
  .describe('What saved something; empty for nothing.');

export const format = z.enum(['json', 'csv']).default('json');

export const usageQuery = z.strictObject({
  ...where,
  ...whereRows,
  savedBy,
  from: day.optional(),
  to: day.optional().describe('The last day, included.'),
  by: z
    .string()
    .default('model')
    .transform((text) => text.split(',').filter((word) => word !== ''))
    .pipe(z.array(dimension).max(dimension.options.length)),
  limit: z.coerce.number().int().min(1).max(100_000).default(10_000),
  format,
});

export const exchangesQuery = z.strictObject({
  ...where,
  ...whereRows,
  savedBy,
  from: day.optional(),
  to: day.optional(),
  after: z.string().max(500).optional(),
  limit: z.coerce.number().int().min(1).max(10_000).default(1_000),
  format,
});

const counts = {
  exchanges: z.int(),
  inputTokens: z.int(),
  cachedInputTokens: z.int(),
  outputTokens: z.int(),
  reasoningTokens: z.int(),
  costUsd: z.number(),
  savedUsd: z.number(),
};

export const usageShape = z.object({
  from: z.iso.date(),
  to: z.iso.date(),
  by: z.array(dimension),
  sums: z.array(z.object({ by: z.record(z.string(), z.string()), ...counts })),
});

export const exchangesShape = z.object({
  from: z.iso.date(),
  to: z.iso.date(),
  exchanges: z.array(
    z.object({
      id: z.string(),
      at: z.iso.datetime(),
      tenant: z.string(),
      team: z.string(),
      user: z.string(),
      key: z.string(),
      route: z.string(),
      model: z.string(),
      upstream: z.string(),
      targetModel: z.string(),
      outcome: z.enum(['complete', 'failed', 'aborted', 'lost']),
      code: z.string(),
      status: z.int(),
      stream: z.boolean(),
      tookMs: z.int(),
      firstTokenMs: z.int(),
      queuedMs: z.int(),
      failedTries: z.int(),
      inputTokens: z.int(),
      cachedInputTokens: z.int(),
      outputTokens: z.int(),
      reasoningTokens: z.int(),
      priceVersion: z.string(),
      costUsd: z.number(),
      savedUsd: z.number(),
      savedBy: z.string(),
      /** Who chose the target, and why it was this one; empty where none was asked. */
      policy: z.string(),
      why: z.enum(['', ...chosenWhys]),
      /** Of the target, where the first tier could not; else 0. */
      tier: z.int(),
      /** How often the answer was gone on with elsewhere. */
      carriedOn: z.int(),
      /** How many requests went in one call upstream; 0 where it went alone. */
      batchedWith: z.int(),
      /** The exchange whose answer it was given; empty where it had one of its own. */
      sharedFrom: z.string(),
      /** How many others were given its answer. */
      sharedWith: z.int(),
      /** How it was served, as the upstream told it; empty for as usual. */
      serviceTier: z.string(),
    }),
  ),
  /** Give it as `after` for the next page; absent on the last. */
  next: z.string().optional(),
});
