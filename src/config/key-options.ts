/** Keys that stand in the configuration. What narrows one is said in the same words for those in the store. */
import { z } from 'zod';
import { roles } from '../identity/options.ts';
import { modelName, name, secret } from '../lib/options.ts';
import { network } from '../net/options.ts';

const listMax = 256;

export const scopesOptions = z
  .strictObject({
    models: z.array(modelName).max(listMax).default([]).describe('Names of models, as clients see them.'),
    routes: z.array(z.string().min(1).max(64)).max(listMax).default([]).describe('As `openai.chat`.'),
    addresses: z.array(network).max(listMax).default([]).describe('Addresses and networks: `10.0.0.0/8`.'),
  })
  .describe('What the key is narrowed to; an empty list narrows nothing.');

const keyOptions = z.strictObject({
  name: name.describe('What logs and metrics call it.'),
  key: secret.describe('The key, 16 characters or more: `env:NAME`, `file:PATH` or the key itself.'),
  tenant: name.default('default').describe('Whose key it is.'),
  team: name.optional().describe('The team that it counts for, if any.'),
  user: name.optional().describe('The user who holds it, if it is anybody’s in particular.'),
  role: z.enum(roles).default('developer').describe('What its holder may do.'),
  scopes: scopesOptions.prefault({}),
  expiresAt: z.iso
    .datetime('must be a time such as 2027-01-31T00:00:00Z')
    .nullable()
    .default(null)
    .describe('From when on it opens nothing, such as 2027-01-31T00:00:00Z; null for never.'),
});

export const keysOptions = z.array(keyOptions).max(10_000).default([]);
