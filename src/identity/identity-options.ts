/** `identity:` in the configuration: who is believed, and for how long. */
import { z } from 'zod';
import { milliseconds, name } from '../lib/options.ts';

export const identityOptions = z.strictObject({
  homeTenant: name
    .default('default')
    .describe(
      'The tenant that runs the gateway: its people may see and change what is not one tenant’s own.',
    ),
  knownForMs: milliseconds
    .default(900_000)
    .describe('How long keys that are known are let in while the store that could tell of changes is away.'),
});
