/** `identity:` in the configuration: who is believed, and for how long. */
import { z } from 'zod';
import { milliseconds, name, secret } from '../lib/options.ts';
import { introspectionOptions, jwtOptions, oidcOptions } from './token-options.ts';

/** Generous for mistakes: a flood brings thousands. */
const wrongKeysOptions = z.strictObject({
  perSecond: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(200)
    .describe('How many a second are answered 401 at once. Those beyond wait for their turn.'),
  holdMs: z
    .int()
    .min(0)
    .max(60_000)
    .default(2_000)
    .describe('How long at most, however many come; 0 answers all of them at once.'),
  heldMax: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(1_024)
    .describe('How many may wait at once. Those beyond are answered without.'),
});

export type WrongKeysConfig = z.output<typeof wrongKeysOptions>;

export const identityOptions = z.strictObject({
  homeTenant: name
    .default('default')
    .describe(
      'The tenant that runs the gateway: its people may see and change what is not one tenant’s own.',
    ),
  knownForMs: milliseconds
    .default(900_000)
    .describe('How long keys that are known are let in while the store that could tell of changes is away.'),
  wrongKeys: wrongKeysOptions
    .prefault({})
    .describe(
      'How soon those are refused who show no key that is known, so that others hardly notice a flood of them.',
    ),
  jwt: jwtOptions
    .optional()
    .describe('Signed tokens of others: OpenID Connect and OAuth 2. With `auth: jwt` or `both`.'),
  introspection: introspectionOptions
    .optional()
    .describe('Tokens of others that only their issuer can read. With `auth: jwt` or `both`.'),
  oidc: oidcOptions.optional().describe('Signing in to the console.'),
  pepper: secret
    .optional()
    .describe(
      'What keys in the store are hashed with, 32 characters or more; gateways that share a store must share it. ' +
        'Where it is absent each makes its own, in the data folder.',
    ),
  previousPepper: secret
    .optional()
    .describe('The one before: keys made with it go on. Take it out when none is left.'),
});
