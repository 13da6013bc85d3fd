/** Export and erasure, as the admin API takes and shows them. */
import { z } from 'zod';
import { plainText } from './route.ts';

/** Also of those who are in no directory: people whom a token of another issuer names. */
const user = plainText.min(1).max(256).describe('As keys and tokens name them.');

export const subjectBody = z.union([
  z.strictObject({ user }),
  z.strictObject({
    wholeTenant: plainText
      .min(1)
      .max(256)
      .describe('The tenant’s name once more: all its people and everything of theirs.'),
  }),
]);

export const exportShape = z.object({
  tenant: z.string(),
  /** Absent where it is of a whole tenant: what was somebody's says so itself then. */
  user: z.string().optional(),
  at: z.iso.datetime(),
  directory: z.array(z.record(z.string(), z.unknown())),
  exchanges: z.array(z.record(z.string(), z.unknown())),
  contents: z.array(z.record(z.string(), z.unknown())),
  conversations: z.array(z.record(z.string(), z.unknown())),
  replays: z.array(z.record(z.string(), z.unknown())),
  audit: z.array(z.record(z.string(), z.unknown())),
});

export const erasedShape = z.object({
  tenant: z.string(),
  user: z.string().optional(),
  /** How many of each went; of exchanges, how many stand without a name now. */
  erased: z.object({
    entries: z.int(),
    contents: z.int(),
    replays: z.int(),
    conversations: z.int(),
    exchanges: z.int(),
  }),
  /** What could not be reached, where it is and until when. */
  remains: z.array(z.object({ what: z.string(), where: z.string(), until: z.string(), why: z.string() })),
});

export const contentParams = z.strictObject({ id: plainText.min(1).max(64) });

export const contentShape = z.object({
  id: z.string(),
  tenant: z.string(),
  user: z.string(),
  at: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
  route: z.string(),
  model: z.string(),
  outcome: z.string(),
  prompt: z.unknown(),
  answer: z.string(),
  cut: z.boolean(),
});
