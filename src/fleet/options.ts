import { z } from 'zod';
import { bytes, milliseconds } from '../lib/options.ts';

export const queueOptions = z.strictObject({
  places: z.int().min(0).max(1_000_000).default(1_024).describe('Requests that may wait for a slot at once.'),
  bytes: bytes.prefault('64MiB').describe('What the waiting requests may hold together.'),
});

export const retriesOptions = z.strictObject({
  attempts: z
    .int()
    .min(1)
    .max(5)
    .default(2)
    .describe('Candidates tried before a request fails, the first one included.'),
});

export const healthOptions = z.strictObject({
  everyMs: milliseconds.min(100).default(10_000).describe('How often upstreams are asked how they are.'),
});
