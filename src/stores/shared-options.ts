/** `shared:` in the configuration. */
import { z } from 'zod';
import { milliseconds, secret } from '../lib/options.ts';
import { isSecretReference } from '../lib/secret-reference.ts';

/** A password may stand in it. As written it may still be a reference: what it refers to is checked when it is opened. */
const redisUrl = secret.refine(
  (url) => /^rediss?:\/\//.test(url.reveal()) || isSecretReference(url.reveal()),
  'must be an address such as redis://user:password@host:6379/0, or `env:NAME` or `file:PATH` for one',
);

const redisOptions = z.strictObject({
  url: redisUrl.describe('The address of the server; it alone may be written as text.'),
  cacheUrl: redisUrl
    .optional()
    .describe(
      'A second server for what may be large and may be lost: conversations. It may drive out old keys.',
    ),
  timeoutMs: milliseconds
    .min(20)
    .max(2_000)
    .default(100)
    .describe(
      'How long a server may take to answer: one that takes longer again and again counts as away, and each replica goes by ' +
        'its own part meanwhile. Raise it where the server is far; requests with limits and budgets wait for it.',
    ),
});

export const sharedStateOption = z
  .preprocess(
    (value) => (typeof value === 'string' && value !== 'memory' ? { url: value } : value),
    z.union([z.literal('memory'), redisOptions]),
  )
  .meta({ orText: true })
  .prefault('memory')
  .describe('Where replicas share what is hot: `memory` for a single one, or the address of a Redis server.');

export type RedisOptions = z.infer<typeof redisOptions>;
export type SharedStateOption = z.infer<typeof sharedStateOption>;
