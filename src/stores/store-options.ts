/** `store:` in the configuration. */
import { z } from 'zod';
import { milliseconds, secret } from '../lib/options.ts';
import { isSecretReference } from '../lib/secret-reference.ts';

/** Of the embedded database, in the data folder. */
export const fileName = 'millrace.sqlite';

/** A password may stand in it. As written it may still be a reference: what it refers to is checked when it is opened. */
const postgresUrl = secret.refine(
  (url) => /^postgres(?:ql)?:\/\//.test(url.reveal()) || isSecretReference(url.reveal()),
  'must be an address such as postgres://user:password@host:5432/database, or `env:NAME` or `file:PATH` for one',
);

const poolOptions = z.strictObject({
  size: z
    .int()
    .min(2)
    .max(1_000)
    .default(20)
    .describe(
      'Connections of all replicas together; each opens its share, and at least one. Never more than the server has, less ten: replicas beyond that take turns.',
    ),
  idleCheckMs: milliseconds
    .default(30_000)
    .describe('A connection that was idle for longer is tried out before it is used.'),
  recycleMs: milliseconds
    .default(3_600_000)
    .describe('A connection older than this, give or take a tenth, is replaced.'),
});

const postgresOptions = z.strictObject({
  url: postgresUrl.describe('The address of the database; it alone may be written as text.'),
  replica: postgresUrl.optional().describe('A read replica: reports are asked there first.'),
  pool: poolOptions.prefault({}).describe('The connections to it.'),
});

export const durableStoreOption = z
  .preprocess(
    (value) => (typeof value === 'string' && value !== 'sqlite' ? { url: value } : value),
    z.union([z.literal('sqlite'), postgresOptions]),
  )
  .meta({ orText: true })
  .prefault('sqlite')
  .describe('Where what must last is kept: `sqlite`, or the address of a PostgreSQL database.');

export type PostgresOptions = z.infer<typeof postgresOptions>;
export type DurableStoreOption = z.infer<typeof durableStoreOption>;
