/** What was saved, and what everything truly cost, as the admin API has it. */
import { z } from 'zod';
import { ledgerDimensions } from '../core/ledger.ts';
import { adviceKinds } from '../money/advice.ts';
import { day, format, where } from './usage-shapes.ts';

const savingDimensions = ledgerDimensions.filter((dimension) => dimension !== 'savedBy');

export const savingsQuery = z.strictObject({
  ...where,
  from: day.optional(),
  to: day.optional().describe('The last day, included.'),
  by: z
    .string()
    .default('')
    .transform((text) => text.split(',').filter((word) => word !== ''))
    .pipe(z.array(z.enum(savingDimensions)).max(savingDimensions.length)),
  limit: z.coerce.number().int().min(1).max(25_000).default(2_500),
  format,
});

const saved = {
  exchanges: z.int(),
  costUsd: z.number(),
  cacheUsd: z.number(),
  routingUsd: z.number(),
  selfHostingUsd: z.number(),
  /** Of all three. */
  savedUsd: z.number(),
};

export const savingsShape = z.object({
  from: z.iso.date(),
  to: z.iso.date(),
  /** What it is compared with; absent where none is configured, and then nothing was saved. */
  premium: z.string().optional(),
  by: z.array(z.string()),
  total: z.object(saved),
  savings: z.array(z.object({ by: z.record(z.string(), z.string()), ...saved })),
});

export const costsQuery = z.strictObject({
  from: day.optional(),
  to: day.optional().describe('The last day, included; of today only what is over of it.'),
  against: z
    .string()
    .max(256)
    .optional()
    .describe('The model that servers are compared with; `prices.premium` unless given.'),
  format,
});

const work = {
  exchanges: z.int(),
  inputTokens: z.int(),
  outputTokens: z.int(),
  costUsd: z.number(),
};
const each = {
  /** Absent where there was none. */
  usdPerExchange: z.number().optional(),
  usdPerMTokens: z.number().optional(),
};
const time = {
  /** The share of the time that it was busy. */
  utilisation: z.number(),
  idleUsd: z.number(),
  /** What its exchanges were priced at. */
  pricedUsd: z.number(),
};
const returns = {
  cloudUsd: z.number(),
  serverUsd: z.number(),
  netUsd: z.number(),
  ratio: z.number().optional(),
};

export const costsShape = z.object({
  from: z.iso.date(),
  to: z.iso.date(),
  /** To which moment it was counted. */
  until: z.iso.datetime(),
  total: z.object({
    exchanges: z.int(),
    tokens: z.int(),
    costUsd: z.number(),
    serverUsd: z.number(),
    idleUsd: z.number(),
    meteredUsd: z.number(),
    ...each,
  }),
  servers: z.array(
    z.object({
      upstream: z.string(),
      monthlyUsd: z.number(),
      /** From when on its time was counted. */
      since: z.iso.datetime(),
      ...work,
      ...time,
      ...each,
      returns: z
        .object({
          ...returns,
          breakEvenUtilisation: z.number().optional(),
          breakEvenDays: z.number().optional(),
        })
        .optional(),
    }),
  ),
  /** Upstreams that cost what their exchanges cost. */
  metered: z.array(z.object({ upstream: z.string(), ...work, ...each })),
  /** Of all servers together; absent where there is nothing to compare with. */
  returns: z.object({ against: z.string(), ...returns }).optional(),
  advice: z.array(
    z.object({
      kind: z.enum(adviceKinds),
      about: z.array(z.string()),
      text: z.string(),
      evidence: z.record(z.string(), z.number()),
      threshold: z.record(z.string(), z.number()),
    }),
  ),
  days: z.array(
    z.object({
      day: z.iso.date(),
      upstream: z.string(),
      ...work,
      /** Of servers alone. */
      utilisation: z.number().optional(),
      idleUsd: z.number().optional(),
      pricedUsd: z.number().optional(),
    }),
  ),
});
