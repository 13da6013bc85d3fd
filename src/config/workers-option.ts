/** `workers:` in the configuration. */
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { milliseconds } from '../lib/options.ts';
import type { Config } from './schema.ts';

/** More than any machine has cores for. */
export const workersMax = 256;

/** Longer than the event loop of a worker that lives may be held up (P4), and than V8 collects garbage at a stretch. */
const hungMsDefault = 15_000;

/** From the environment a number comes as text, and what may be a word is not read as one. */
const orNumber = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess(
    (value) => (typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value),
    schema,
  );

const count = orNumber(
  z.union([z.int().min(1).max(workersMax), z.literal('auto')], {
    error: `must be a number of processes from 1 to ${workersMax}, or \`auto\``,
  }),
);

const hungMs = orNumber(
  z.union([milliseconds.min(1_000), z.literal('never')], {
    error: 'must be a time from 1000 ms on, or `never`',
  }),
);

export const workersOption = z
  .preprocess(
    (value) => (typeof value === 'number' || typeof value === 'string' ? { count: value } : value),
    z.strictObject({
      count: count
        .prefault(1)
        .describe(
          'How many; it alone may be written in place of the map. `auto` is one for each core, and one alone without Redis.',
        ),
      hungMs: hungMs
        .prefault(hungMsDefault)
        .describe(
          'A worker whose event loop does not turn for so long is killed, and another one started. `never` where ' +
            'somebody stops workers to look into them.',
        ),
    }),
  )
  .meta({ orText: true, orNumber: true })
  .prefault({})
  .describe(
    'The processes that serve on this machine, behind one port. More than one share what they count through Redis ' +
      '(`shared`). See docs/workers.md.',
  );

/** How many processes are to serve. */
export function workersOf({ workers, shared }: Pick<Config, 'workers' | 'shared'>): number {
  if (workers.count !== 'auto') return workers.count;
  return shared === 'memory' ? 1 : Math.min(availableParallelism(), workersMax);
}
