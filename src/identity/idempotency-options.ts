/** `idempotency:` in the configuration: what is kept of requests that carry an `Idempotency-Key`. */
import { z } from 'zod';
import { bytes } from '../lib/options.ts';

const largestBytes = 16 * 1024 * 1024;
const longestS = 30 * 86_400;

export const idempotencyOptions = z
  .strictObject({
    enabled: z
      .boolean()
      .default(true)
      .describe('Whether a request with an `Idempotency-Key` is done once, however often it is sent.'),
    ttlS: z
      .int()
      .min(1)
      .max(longestS)
      .default(86_400)
      .describe('Seconds for which its answer is kept and given again.'),
    bytesMax: bytes
      .prefault('1MiB')
      .refine((value) => value <= largestBytes, { error: 'must be 16MiB or less' })
      .describe('The largest answer that is kept. Of a larger one it is only known that it was given.'),
    tenantBytesMax: bytes
      .prefault('256MiB')
      .describe(
        'How much of the answers to one tenant is kept. Beyond it the oldest go: of them it is only known that they were given.',
      ),
  })
  .refine(({ bytesMax, tenantBytesMax }) => bytesMax <= tenantBytesMax, {
    error: 'must be as much as `bytesMax` or more',
    path: ['tenantBytesMax'],
  });
