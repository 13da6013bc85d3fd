/** The one switch between the hot stores. A server that is not configured is not loaded. */

import type { SharedStateOption } from './shared-options.ts';
import type { Shared, SharedContext } from './shared-state.ts';

export async function openShared(option: SharedStateOption, context: SharedContext): Promise<Shared> {
  if (option === 'memory') {
    const { createMemoryShared } = await import('./memory/shared-state.ts');
    return createMemoryShared(context.clock);
  }
  const { openRedisShared } = await import('./redis/shared-state.ts');
  return openRedisShared(option, context);
}
