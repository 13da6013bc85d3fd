import { z } from 'zod';
import { bytes } from '../lib/options.ts';

/** For all models. */
export const sharingOptions = z.strictObject({
  scope: z
    .enum(['tenant', 'user', 'key'])
    .default('tenant')
    .describe(
      'Whose equal requests share an answer: a tenant’s, a user’s or a key’s. Never those of two tenants.',
    ),
  waitersMax: z
    .int()
    .min(1)
    .max(65_536)
    .default(1_024)
    .describe(
      'How many are given the answer of one call besides whoever asked first. Who comes after begins another.',
    ),
  bytesMax: bytes
    .default(1_048_576)
    .describe(
      'So much of a stream is kept for those who come late, and for those who read slowly. Past it nobody joins, and whoever ' +
        'is so far behind the others is cut off.',
    ),
});

/** For one model. */
export const modelSharingOption = z
  .enum(['auto', 'always', 'never'])
  .default('auto')
  .describe(
    'Which equal requests that are in flight at the same time share one call upstream. `auto`: embeddings, and those with ' +
      '`temperature` 0 or a `seed`, whose answers are meant to be the same. See docs/equal-requests.md.',
  );
