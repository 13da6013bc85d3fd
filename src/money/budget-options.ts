/** `budgets:` in the configuration: what may be spent, by whom, in which span of time. */
import { z } from 'zod';
import { name } from '../lib/options.ts';

/** In billionths of a dollar this is still a whole number that a double can hold. */
const usdMax = 9_000_000;
const countMax = 1_000_000_000_000_000;
const budgetsMax = 1_000;

/** A tenant, or somebody of it: who is not of the tenant `default` is written `tenant/name`. */
const holder = z
  .string()
  .regex(/^[^\s\p{C}]{1,512}$/u, 'must be a name such as acme or acme/alice, without spaces');

const budgetOptions = z
  .strictObject({
    name: name
      .optional()
      .describe('What refusals, alerts and reports call it; told by what it allows when absent.'),
    per: z
      .enum(['key', 'user', 'team', 'tenant', 'global'])
      .describe(
        'Whose budget it is: one for each key, user, team or tenant; or `global`, everybody’s together.',
      ),
    of: holder
      .optional()
      .describe(
        'Only for this tenant; or for this key, user or team, as `tenant/name`, where a name alone is one of the ' +
          'tenant `default`. It takes the place of the budget that is for all of them.',
      ),
    usd: z.number().min(0.000001).max(usdMax).optional().describe('US dollars that may be spent.'),
    tokens: z
      .int()
      .min(1)
      .max(countMax)
      .optional()
      .describe('Tokens that may be used, of questions and answers together.'),
    requests: z.int().min(1).max(countMax).optional().describe('Requests that may be made.'),
    window: z
      .enum(['day', 'week', 'month', 'total'])
      .describe('When it begins anew, in UTC: each day, each Monday, each first of the month, or never.'),
    alertAt: z
      .array(z.number().min(0.01).max(1))
      .max(10)
      .default([0.5, 0.8, 1])
      .describe('The shares of it at which somebody is told that they are spent.'),
  })
  .refine(
    ({ usd, tokens, requests }) => [usd, tokens, requests].filter((one) => one !== undefined).length === 1,
    {
      error: 'must say one of `usd`, `tokens` and `requests`',
    },
  )
  .refine(({ per, of }) => per !== 'global' || of === undefined, {
    error: 'has no place beside `per: global`: that is everybody',
    path: ['of'],
  });

export const budgetsOptions = z.array(budgetOptions).max(budgetsMax).default([]);
