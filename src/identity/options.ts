import { z } from 'zod';
import type { Role } from '../core/exchange.ts';
import { name, secret } from '../lib/options.ts';

export const roles = [
  'owner',
  'admin',
  'operator',
  'developer',
  'viewer',
  'billing',
] as const satisfies readonly Role[];

export const authOption = z.enum(['keys', 'jwt', 'both', 'none']).default('keys');

const keyOptions = z.strictObject({
  name: name.describe('What logs and metrics call it.'),
  key: secret.describe('The key, 16 characters or more: `env:NAME`, `file:PATH` or the key itself.'),
  tenant: name.default('default').describe('Whose key it is.'),
  team: name.optional().describe('The team that it counts for, if any.'),
  user: name.optional().describe('The user who holds it, if it is anybody’s in particular.'),
  role: z.enum(roles).default('developer').describe('What its holder may do.'),
});

export const keysOptions = z.array(keyOptions).max(10_000).default([]);

export const operatorOptions = z.strictObject({
  beyondLoopback: z
    .boolean()
    .default(false)
    .describe('Whether operators may pull, push, create and delete models from other machines.'),
});
