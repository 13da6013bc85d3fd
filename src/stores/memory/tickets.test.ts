import { ticketsConformance } from '../../../test/conformance/tickets.ts';
import { createHeldClock } from '../../../test/held-clock.ts';
import { createMemoryTickets } from './tickets.ts';

const clock = createHeldClock();
ticketsConformance({
  driver: 'memory',
  open: async (ticketsMax) => createMemoryTickets(clock, ticketsMax),
  advance: async (ms) => clock.advance(ms),
});
