import { z } from 'zod';
import { modelName, rate } from '../lib/options.ts';
import { dangerousParameters } from './dangerous-parameters.ts';

const limitOptions = z.strictObject({
  per: z
    .enum(['key', 'tenant', 'model', 'route', 'address', 'global'])
    .describe('Who shares the allowance: `global` is everybody together.'),
  requests: rate.describe('Requests allowed, such as `600/min`.'),
  burst: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe('Requests that may come at once after a pause. What a second allows, at least 1, when absent.'),
  route: z
    .string()
    .regex(/^\/\S*$/, 'must be a path such as /api/chat')
    .optional()
    .describe('Only for this path, and the others of its route.'),
  model: modelName.optional().describe('Only for this model, by the name that clients see.'),
});

/** Generous, but never without end: a client gone wild must not take the gateway with it. */
export const limitsOptions = z
  .array(limitOptions)
  .max(1_000)
  .prefault([
    { per: 'key', requests: '6000/min', burst: 1_000 },
    { per: 'address', requests: '6000/min', burst: 1_000 },
  ]);

/** For whoever trusts all of their clients with the engines behind the gateway. */
export const allowParametersOption = z.array(z.enum(dangerousParameters)).max(100).default([]);
