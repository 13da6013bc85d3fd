import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeldClock } from '../../test/held-clock.ts';
import { upstreamOf } from '../../test/targets.ts';
import { openGate } from '../../test/wants.ts';
import { createMemoryPresence } from '../stores/memory/presence.ts';
import { createMemoryTickets } from '../stores/memory/tickets.ts';
import { createLog } from '../telemetry/log.ts';
import { Drains } from './drains.ts';

test('an order that is given at any moment while another is handed on is handed on as well', async () => {
  for (let turns = 0; turns < 30; turns += 1) {
    const clock = createHeldClock();
    const log = createLog({ level: 'error', terminal: false, clock });
    const tickets = createMemoryTickets(clock, 10);
    const shared = { presence: createMemoryPresence(), tickets: () => tickets };
    const drains = new Drains({ clock, log, shared, gate: openGate });
    // Nobody hears any message: it has to do without.
    await shared.presence.close();
    const first = drains.drain(upstreamOf('a'), 'one');
    for (let turn = 0; turn < turns; turn += 1) await undefined;
    const { told } = await drains.drain(upstreamOf('b'), 'another');
    assert.equal(told, true);
    const kept = await tickets.all();
    assert.equal(kept.length, 2, `after ${turns} turns`);
    await first;
    await drains.close();
  }
});
