import { z } from 'zod';
import { modelName, rate } from '../lib/options.ts';
import { dangerousParameters } from './dangerous-parameters.ts';

const burstMax = 1_000_000_000;

const limitOptions = z
  .strictObject({
    per: z
      .enum(['key', 'user', 'team', 'tenant', 'model', 'route', 'address', 'global'])
      .describe(
        'Who shares the allowance: `global` is everybody together. Who has no user or team is not limited by theirs.',
      ),
    requests: rate.optional().describe('Requests allowed, such as `600/min`.'),
    burst: z
      .int()
      .min(1)
      .max(1_000_000)
      .optional()
      .describe(
        'Requests that may come at once after a pause. What a second allows, at least 1, when absent.',
      ),
    tokens: rate
      .optional()
      .describe(
        'Tokens allowed, of questions and answers together, such as `1M/min`: estimated, then settled.',
      ),
    burstTokens: z
      .int()
      .min(1)
      .max(burstMax)
      .optional()
      .describe('Tokens that may be taken at once after a pause. What a minute allows when absent.'),
    concurrent: z
      .int()
      .min(1)
      .max(1_000_000)
      .optional()
      .describe('Requests that may run at once: each until the last byte of its answer.'),
    route: z
      .string()
      .regex(/^\/\S*$/, 'must be a path such as /api/chat')
      .optional()
      .describe('Only for this path, and the others of its route.'),
    model: modelName.optional().describe('Only for this model, by the name that clients see.'),
  })
  .refine(
    ({ requests, tokens, concurrent }) => [requests, tokens, concurrent].some((limit) => limit !== undefined),
    { error: 'limits nothing: say `requests`, `tokens`, `concurrent` or several of them' },
  )
  .refine(({ requests, burst }) => burst === undefined || requests !== undefined, {
    error: 'needs `requests`',
    path: ['burst'],
  })
  .refine(({ tokens, burstTokens }) => burstTokens === undefined || tokens !== undefined, {
    error: 'needs `tokens`',
    path: ['burstTokens'],
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
