/** What is sent together: the bounds of each model, and what is known of the fleet. */
import type { Config } from '../config/schema.ts';
import type { BatchOptions } from '../pipeline/batch-call.ts';
import type { Lasting } from './lasting.ts';

export function createBatching(
  { clock, scheduler, batchMetrics, retries }: Lasting,
  config: Config,
  priorities: BatchOptions['priorities'],
): BatchOptions {
  const bounds = new Map(
    Object.entries(config.models).map(([name, { batching }]) => [
      name,
      {
        maxBatch: batching.maxBatch ?? config.batching.maxBatch,
        maxWaitMs: batching.maxWaitMs ?? config.batching.maxWaitMs,
        window: batching.window ?? config.batching.window,
      },
    ]),
  );
  return {
    clock,
    boundsOf: (model) => bounds.get(model) ?? config.batching,
    isFree: (candidates) =>
      candidates.some(({ upstream }) => scheduler.inFlight(upstream) < scheduler.known.slots(upstream)),
    mayMerge: ({ trail: { tenant }, call: { wire } }) =>
      retries.quarantine.isEmpty || !retries.quarantine.knows({ tenant, bytes: wire.bytes }),
    places: scheduler.places,
    priorities,
    told: batchMetrics,
  };
}
