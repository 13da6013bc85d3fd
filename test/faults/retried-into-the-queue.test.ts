// G11, G22: a request that was at a server counts as one, where its retry gets no further than the queue: in the budget, and for whoever counts anew from the ledger.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import type { LedgerRow } from '../../src/core/ledger.ts';
import { createHeldClock } from '../held-clock.ts';
import { settled } from '../security/spending-rig.ts';
import type { Behaviour } from '../upstream/behaviour.ts';
import { endingOf, wantOf } from '../wants.ts';
import { asked, openCarriedRig } from './carried-rig.ts';
import { until } from './rig.ts';

const isCall = ({ method }: { readonly method: string }) => method === 'POST';
const firstTokenMs = 60_000;
const queueMs = 5_000;
const counted = { requests: 10, window: 'total' } as const;

/** The first server does as it is told, and the only slot of the second is taken. */
async function openBusy(t: TestContext, behaviour: Partial<Behaviour>) {
  const clock = createHeldClock();
  // What is sent at nought is taken for what was never sent.
  clock.advance(1);
  const rig = await openCarriedRig(t, {
    clock,
    servers: [
      { type: 'openai', behaviour },
      { type: 'openai', slots: 1 },
    ],
    model: { clocks: { queueMs, firstTokenMs } },
    config: {
      prices: { s0: { inputPerM: 100, outputPerM: 200 } },
      budgets: [{ per: 'key', ...counted }],
      health: { everyMs: 3_600_000 },
    },
  });
  const { lasting, snapshot } = rig.gateway.gateway;
  const { scheduler } = lasting;
  const second = snapshot.models.find('o')?.targets.filter(({ upstream }) => upstream.name === 's1') ?? [];
  const slot = scheduler.take(wantOf(second));
  assert.ok(slot);
  const waits = () => until('it waits', () => scheduler.waiting === 1);
  const ended = (count: number) => until('it has ended', () => rig.gateway.exchangeLines.length === count);
  return { rig, clock, waits, ended, free: () => slot.release(endingOf('served')) };
}

const ways = {
  'is given up and its time in the queue ends': { stallBeforeHead: true },
  'is refused and its client leaves the queue': { status: 503 },
} as const;

for (const [name, behaviour] of Object.entries(ways)) {
  test(`G11, G22: a request that ${name} is one of a budget in requests, and one that never left the queue is none`, async (t) => {
    const { rig, clock, waits, ended, free } = await openBusy(t, behaviour);
    const never = rig.send({ ...asked.openai, model: 's1/fake-model' });
    await waits();
    never.socket.destroy();
    await ended(1);

    const client = rig.send(asked.openai);
    await rig.servers[0]?.waitForRequest(isCall);
    if (behaviour === ways['is refused and its client leaves the queue']) {
      await waits();
      client.socket.destroy();
    } else {
      clock.advance(firstTokenMs);
      await waits();
      clock.advance(queueMs);
      assert.match((await client.reply()).head, /^HTTP\/1.1 50[34]/);
    }
    await ended(2);
    assert.equal((await settled(rig.gateway)).spent, 1, 'the first was nowhere');

    // A budget that comes later asks the ledger what there was before it.
    const config = JSON.parse(await readFile(rig.gateway.file, 'utf8'));
    free();
    await rig.gateway.reload({ ...config, budgets: [{ per: 'tenant', ...counted }] });
    rig.servers[0]?.behave({ stallBeforeHead: false, status: 200 });
    assert.match((await rig.ask(asked.openai)).head, /^HTTP\/1.1 200/);
    assert.equal((await settled(rig.gateway)).spent, 2);
    const { ledger } = rig.gateway.gateway.lasting.store;
    const all = { fromDay: '2000-01-01', toDay: '2100-01-01', where: {}, rowsMax: 10 };
    let rows: readonly LedgerRow[] = [];
    await until('they are in the ledger', async () => {
      clock.advance(1_000);
      rows = (await ledger.page(all)).rows;
      return rows.length === 3;
    });
    const triedOf = (tries: number) => rows.filter(({ failedTries }) => failedTries === tries);
    assert.deepEqual(
      triedOf(1).map(({ upstream, targetModel }) => [upstream, targetModel]),
      [['s0', 'fake-model']],
      'whoever worked on it sends the bill',
    );
    assert.equal(triedOf(0).filter(({ upstream }) => upstream === '').length, 1, 'the first was nowhere');
  });
}
