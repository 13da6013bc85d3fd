/** Verbs that tell what was used, what it cost and what was saved. */
import { ledgerDimensions, rowDimensions } from '../core/ledger.ts';
import { admin, days, json, type Verb } from './verb.ts';

export const reportVerbs: readonly Verb[] = [
  {
    name: 'usage',
    summary: 'tell what was used and what it cost',
    words: '[condition...]',
    options: [
      ...admin,
      ...days,
      [
        '--by <dimensions>',
        `${ledgerDimensions.join(', ')}; also, of 500,000 exchanges at most, ${rowDimensions.join(', ')}; model unless given`,
      ],
      json,
    ],
    examples: [
      ['millrace usage', 'the last thirty days, by model'],
      ['millrace usage --by day,key --from 2026-11-01', 'what each key used on each day'],
      ['millrace usage --by model tenant=acme --json', 'one tenant alone, for a program'],
    ],
  },
  {
    name: 'exchanges',
    summary: 'list exchanges one by one: who, which model, what became of it and what it cost',
    words: '[condition...]',
    options: [
      ...admin,
      ...days,
      ['--limit <count>', 'at most so many; 1000 unless given'],
      ['--after <place>', 'goes on where the page before ended'],
      json,
    ],
    examples: [
      ['millrace exchanges --limit 20 outcome=failed', 'what failed in the last thirty days'],
      ['millrace exchanges tenant=acme model=gemma --json', 'of one tenant and model, for a program'],
    ],
  },
  {
    name: 'savings',
    summary: 'tell what was saved against the premium model, by cache, routing and self-hosting',
    words: '[condition...]',
    options: [
      ...admin,
      ...days,
      ['--by <dimensions>', 'as for `usage`, without savedBy; model unless given'],
      json,
    ],
    examples: [
      ['millrace savings', 'the last thirty days, by model'],
      ['millrace savings --by day tenant=acme --from 2026-11-01', 'one tenant, day by day'],
    ],
  },
  {
    name: 'costs',
    summary:
      'tell what everything truly cost, idle servers included, whether servers pay, and what is too large',
    options: [
      ...admin,
      ...days,
      ['--against <model>', 'what servers are compared with; `prices.premium` unless given'],
      json,
    ],
    examples: [
      ['millrace costs --from 2026-11-01 --to 2026-11-30', 'a month'],
      ['millrace costs --against gpt-4o-mini', 'whether servers pay against another model'],
    ],
  },
];
