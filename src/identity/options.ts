import { z } from 'zod';
import type { Role } from '../core/exchange.ts';

export const roles = [
  'owner',
  'admin',
  'operator',
  'developer',
  'viewer',
  'billing',
] as const satisfies readonly Role[];

export const authOption = z.enum(['keys', 'jwt', 'both', 'none']).default('keys');

export const operatorOptions = z.strictObject({
  beyondLoopback: z
    .boolean()
    .default(false)
    .describe('Whether operators may pull, push, create and delete models from other machines.'),
});
