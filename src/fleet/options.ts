import { z } from 'zod';
import { bytes, milliseconds, name } from '../lib/options.ts';

const priority = z.int().min(0).max(9);

const priorityOptions = z
  .strictObject({
    tenant: name.describe('The tenant.'),
    key: name.optional().describe('The name of a key of it; all of them where absent.'),
    usual: priority.default(0).describe('What its requests have that do not ask: 0 for most, 9 goes first.'),
    max: priority.describe('How high it may ask for, with `x-millrace-priority`.'),
  })
  .refine(({ usual, max }) => usual <= max, { path: ['usual'], error: 'must not be above `max`' });

export const queueOptions = z.strictObject({
  places: z.int().min(0).max(1_000_000).default(1_024).describe('Requests that may wait for a slot at once.'),
  placesPerModel: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe(
      'How many of them may wait for one model, so that one whose servers are slow leaves places to the others; all where ' +
        'absent.',
    ),
  bytes: bytes.prefault('64MiB').describe('What the waiting requests may hold together.'),
  fairness: z
    .enum(['tenant', 'key', 'none'])
    .default('tenant')
    .describe(
      'Between whom slots are shared when requests wait, by tokens: between tenants and then their keys, between all ' +
        'keys alike, or between nobody.',
    ),
  order: z
    .enum(['fifo', 'shortest'])
    .default('fifo')
    .describe(
      'Who goes first of those that share nothing any more: who came first, or whose answer is expected to be short.',
    ),
  idleShareMax: z
    .number()
    .min(0)
    .max(0.5)
    .default(0.04)
    .describe(
      'How much of the slots’ time may be left idle while requests of a tenant wait that had more than its share: kept free ' +
        'for those who had less and are about to come. 0 keeps none.',
    ),
  agingMs: milliseconds
    .max(3_600_000)
    .default(10_000)
    .describe(
      'Who is passed over for longer, by higher priorities or shorter requests, has turns of its own.',
    ),
  commentAfterMs: milliseconds
    .min(1_000)
    .max(3_600_000)
    .default(10_000)
    .describe(
      'Who waits longer for a stream of events gets its head, and as often a comment that says where it stands. From ' +
        'then on a failure is an event of the stream.',
    ),
  priorities: z
    .array(priorityOptions)
    .max(10_000)
    .default([])
    .describe(
      'Whose requests go before others when requests wait; the first row that is about a key counts.',
    ),
  stayMs: milliseconds
    .max(3_600_000)
    .default(10_000)
    .describe(
      'How long a server stays with the model that it holds, as long as there is work for it, while others wait for ' +
        'another model; twice what loading that one takes, where that is longer.',
    ),
});

export const retriesOptions = z.strictObject({
  attempts: z
    .int()
    .min(1)
    .max(5)
    .default(2)
    .describe('Candidates tried before a request fails, the first one included.'),
  budget: z
    .number()
    .min(0)
    .max(1)
    .default(0.2)
    .describe(
      'The share of the requests of the last minute that may be retries; ten more are saved up for when there are few.',
    ),
  quarantineMs: z
    .int()
    .min(0)
    .max(86_400_000)
    .default(30_000)
    .describe(
      'How long a request is refused with which the connections to two upstreams broke. 0 refuses none.',
    ),
});

export const carryOnOptions = z.strictObject({
  tries: z
    .int()
    .min(0)
    .max(10)
    .default(3)
    .describe('How often a stream is gone on with elsewhere at most; 0 for never.'),
  comment: z
    .boolean()
    .default(false)
    .describe('Whether clients of SSE read in a comment who goes on. Others are told nothing.'),
});

export const healthOptions = z.strictObject({
  everyMs: milliseconds
    .min(100)
    .default(4_000)
    .describe('How often upstreams are asked how they are; services on the Internet every 10 s at most.'),
  silentMs: z
    .int()
    .min(0)
    .max(600_000)
    .default(4_000)
    .describe(
      'A server of your own that is asked twice how it is, and says nothing to anybody for so long, while others do, is left ' +
        'out, and who waits there for a first word is sent elsewhere. 0 for never.',
    ),
  eject: z
    .strictObject({
      failures: z
        .int()
        .min(1)
        .max(1_000)
        .default(5)
        .describe(
          'So many failures in a row leave an upstream, or a model on it, out; so does half of the last 20.',
        ),
      baseMs: milliseconds
        .default(30_000)
        .describe('How long it is left out the first time; twice as long the second, and so on.'),
      maxMs: milliseconds.default(300_000).describe('The longest that it is left out.'),
      slowStartMs: milliseconds
        .default(10_000)
        .describe('How long it takes, once it serves again, until it gets all of its load.'),
    })
    .prefault({})
    .describe('When an upstream that fails is left out, and how it comes back. See docs/failover.md.'),
});
