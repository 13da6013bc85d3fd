/** Tickets of one gateway alone: they end with it. */
import type { Tickets } from '../../core/ports.ts';
import type { Clock } from '../../lib/clock.ts';
import { PassingCache } from '../../lib/passing-cache.ts';

export function createMemoryTickets(clock: Clock, ticketsMax: number): Tickets {
  const kept = new PassingCache<string>(clock, ticketsMax);
  return {
    keep: async (name, text, forMs) => kept.keep(name, text, { afterMs: forMs }),
    find: async (name, forMs) => {
      const text = kept.get(name);
      if (text !== undefined) kept.keep(name, text, { afterMs: forMs });
      return text;
    },
    take: async (name) => kept.take(name),
    all: async () => kept.entries().map(([name, text]) => ({ name, text })),
  };
}
