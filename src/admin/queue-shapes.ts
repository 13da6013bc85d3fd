/** What the admin API says of those who wait for a slot. */
import { z } from 'zod';

const expectedMs = z.int().optional();

export const queueShape = z.object({
  waiting: z.int(),
  models: z.array(
    z.object({
      /** As clients call it. */
      model: z.string(),
      waiting: z.int(),
      /** What the waiting requests hold together. */
      bytes: z.int(),
      oldestMs: z.int(),
      /** How long whoever comes now will most likely wait; absent as long as nobody knows. */
      expectedMs,
      tenants: z.array(z.object({ tenant: z.string(), waiting: z.int(), oldestMs: z.int() })),
      /** The hundred that have waited longest. */
      requests: z.array(
        z.object({
          tenant: z.string(),
          key: z.string(),
          priority: z.int(),
          /** What it will most likely come to: slots are shared by it. */
          tokens: z.int(),
          waitedMs: z.int(),
          /** The next one to be served is first. */
          position: z.int(),
          expectedMs,
        }),
      ),
    }),
  ),
});
