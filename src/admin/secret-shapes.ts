/** Secrets in the store, as the admin API tells of them: never the secrets themselves. */
import { z } from 'zod';
import { storedName } from '../lib/secret-reference.ts';
import { next } from './listed-page.ts';
import { plainText } from './route.ts';

export const secretName = z
  .string()
  .regex(storedName, 'must be 1 to 128 letters, digits, dots, dashes or underscores');

const valueCharsMax = 65_536;

export const secretValue = z
  .string()
  .min(1, 'must not be empty')
  .max(valueCharsMax)
  .regex(/^\P{Cc}*$/u, 'must not hold a line break or another control character');

export const secretShape = z.object({
  name: z.string(),
  /** One more with each change. */
  version: z.int(),
  updatedAt: z.iso.datetime(),
  updatedBy: z.string(),
});

export const secretsShape = z.object({ items: z.array(secretShape), next });

const ownerShape = z.object({ tenant: z.string(), user: z.string() });

export const rotateBody = z.strictObject({
  after: z
    .strictObject({ tenant: plainText.max(256), user: plainText.max(256) })
    .optional()
    .describe('`next` of the answer before; from the beginning where it is absent.'),
});

export const rotatedShape = z.object({
  /** Keys that are under the master key in use since this call. */
  rewrapped: z.int(),
  /** Whose keys are under a master key that is not here. */
  left: z.array(ownerShape),
  /** Where to go on; absent when all were looked at. */
  next: ownerShape.optional(),
});
