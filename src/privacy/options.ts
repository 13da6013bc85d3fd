/** `privacy:` in the configuration: what is kept of what people say and do. */
import { z } from 'zod';

const longestDays = 36_500;

export const privacyOptions = z.strictObject({
  content: z
    .enum(['allowed', 'never'])
    .default('allowed')
    .describe(
      'Whether tenants may have prompts and answers kept; none are unless a tenant asks for it (`keepContentDays`). ' +
        '`never` forbids it to all.',
    ),
  ledgerDays: z
    .int()
    .min(1)
    .max(longestDays)
    .optional()
    .describe(
      'After so many days the exchanges go from the ledger; sums by day stay. All stay unless given.',
    ),
});
