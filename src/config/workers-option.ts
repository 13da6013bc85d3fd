/** `workers:` in the configuration. */
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import type { Config } from './schema.ts';

/** More than any machine has cores for. */
export const workersMax = 256;

export const workersOption = z
  .preprocess(
    // From the environment a number comes as text, and what may be a word is not read as one.
    (value) => (typeof value === 'string' && /^\d{1,3}$/.test(value) ? Number(value) : value),
    z.union([z.int().min(1).max(workersMax), z.literal('auto')], {
      error: `must be a number of processes from 1 to ${workersMax}, or \`auto\``,
    }),
  )
  .prefault(1)
  .describe(
    'How many processes serve on this machine, behind one port. More than one share what they count through Redis ' +
      '(`shared`). `auto` is one for each core, and one alone without Redis. See docs/workers.md.',
  );

/** How many processes are to serve. */
export function workersOf({ workers, shared }: Pick<Config, 'workers' | 'shared'>): number {
  if (workers !== 'auto') return workers;
  return shared === 'memory' ? 1 : Math.min(availableParallelism(), workersMax);
}
