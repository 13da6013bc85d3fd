/** One replica alone: nothing is shared, and nothing can be away. */
import type { Clock } from '../../lib/clock.ts';
import type { Shared } from '../shared-state.ts';
import { createMemoryBudgets } from './budgets.ts';
import { createMemoryConversations } from './conversations.ts';
import { createMemoryPresence } from './presence.ts';
import { createMemoryRateLimiter } from './rate-limiter.ts';
import { createMemoryTickets } from './tickets.ts';

export function createMemoryShared(clock: Clock): Shared {
  const presence = createMemoryPresence();
  return {
    presence,
    conversations: (options) => createMemoryConversations(options, clock),
    rateLimiter: (limits) => createMemoryRateLimiter(limits, clock),
    budgets: (budgets, options) => createMemoryBudgets(budgets, { ...options, clock }),
    tickets: (_kind, ticketsMax) => createMemoryTickets(clock, ticketsMax),
    leases: undefined,
    claim: () => Promise.resolve(true),
    state: { degraded: false, turnsLost: 0 },
    close: () => presence.close(),
  };
}
