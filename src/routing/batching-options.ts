import { z } from 'zod';

/** Longer than this, nobody waits for others. */
const waitMsMax = 10_000;

const maxBatch = z.int().min(1).max(2_048);
const maxWaitMs = z.int().min(1).max(waitMsMax);

const says = {
  maxBatch: 'Inputs in one call to an upstream at most. 1 sends every request by itself.',
  maxWaitMs: 'How long a request waits for others at most, while one like it is under way.',
};

/** For all models. */
export const batchingOptions = z.strictObject({
  maxBatch: maxBatch.default(8).describe(says.maxBatch),
  maxWaitMs: maxWaitMs.default(50).describe(says.maxWaitMs),
});

/** For one model: what it does not say, `batching` says. */
export const modelBatchingOptions = z.strictObject({
  maxBatch: maxBatch.optional().describe(says.maxBatch),
  maxWaitMs: maxWaitMs.optional().describe(says.maxWaitMs),
});
