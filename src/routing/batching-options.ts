import { z } from 'zod';

/** Longer than this, nobody waits for others. */
const waitMsMax = 10_000;

const maxBatch = z.int().min(1).max(2_048);
const maxWaitMs = z.int().min(1).max(waitMsMax);
const window = z.int().min(1).max(1_024);

const says = {
  maxBatch: 'Inputs in one call to an upstream at most. 1 sends every request by itself.',
  maxWaitMs: 'How long a request waits for others at most, while one like it is under way.',
  window:
    'For servers that put together what comes at the same moment: so many calls of a model are sent at once, while others ' +
    'are under way, or whoever waits after `maxWaitMs`. 1 sends each as it comes, which is best for those that let ' +
    'requests join at any token.',
};

/** For all models. */
export const batchingOptions = z.strictObject({
  maxBatch: maxBatch.default(8).describe(says.maxBatch),
  maxWaitMs: maxWaitMs.default(50).describe(says.maxWaitMs),
  window: window.default(1).describe(says.window),
});

/** For one model: what it does not say, `batching` says. */
export const modelBatchingOptions = z.strictObject({
  maxBatch: maxBatch.optional().describe(says.maxBatch),
  maxWaitMs: maxWaitMs.optional().describe(says.maxWaitMs),
  window: window.optional().describe(says.window),
});
