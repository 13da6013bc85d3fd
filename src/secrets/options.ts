/** `secrets:` in the configuration: where secrets come from, and what seals those that are kept. */
import { z } from 'zod';
import { secret } from '../lib/options.ts';

const masterKey = secret.describe(
  'What seals the keys of all that is kept sealed: 32 random bytes in hexadecimal or base64, from `env:` or `file:`. ' +
    'The same for all replicas. Without it one is made in `data`.',
);

const previousMasterKeysMax = 8;

export const secretsOptions = z.strictObject({
  masterKey: masterKey.optional(),
  previousMasterKeys: z
    .array(secret)
    .max(previousMasterKeysMax)
    .default([])
    .describe(
      'Master keys that still open what they sealed, and seal nothing any more. See docs/secrets.md.',
    ),
  sealSpool: z
    .boolean()
    .default(true)
    .describe('Whether the lines of finished exchanges are sealed on their way to the ledger.'),
});

export type SecretsOptions = z.infer<typeof secretsOptions>;
