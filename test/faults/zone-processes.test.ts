// Two zones, each a group of processes, with a slow line between them (mission 44).
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { spawnLlm } from '../upstream/llm-process.ts';
import { until } from './rig.ts';
import { type Load, load } from './shared-slots-rig.ts';
import { type Caller, llmArguments, openZones, type Zone, type Zones } from './zone-rig.ts';

/** Of each of the two tenants that have a budget, in requests; and what may be given away of it without Redis (decision 20). */
const budget = 120;
const budgetAlone = 0.05 * budget;
const burst = 40;
const perMinute = 6;

const spending = {
  budgets: ['early', 'late'].map((of) => ({ per: 'tenant', of, requests: budget, window: 'total' })),
  limits: [{ per: 'tenant', model: 'limited', requests: `${perMinute}/min`, burst }],
};

let zones: Zones;
const closing: (() => unknown)[] = [];

before(async () => {
  zones = await openZones({ after: (close) => void closing.push(close as () => unknown) }, spending);
});

after(async () => {
  for (const close of closing.reverse()) await close();
});

const askedOf = async (zone: Zone) => (await zone.ask()).headers.get('x-millrace-target')?.split('/')[0];

const isDegraded = async (zone: Zone) => (await zone.ask()).headers.get('x-millrace-degraded') !== null;

/** Clients of both zones that never pause. They end before the gateways do: nobody else would end them. */
function askAlways(t: TestContext) {
  const { key, west, east } = zones;
  const loads = [west, east].map(({ url }) => load(() => ({ url, key }), 3));
  const stop = () => Promise.all(loads.map((each) => each.stop()));
  t.after(stop);
  return {
    more: () => Promise.all(loads.map((each) => more(each, 20))),
    allServed: async () => {
      await stop();
      const failed = loads.flatMap(({ codes }) => codes.filter((code) => code !== 200));
      assert.deepEqual(failed, []);
    },
  };
}

async function more(of: Load, count: number): Promise<void> {
  const before = of.codes.length;
  await until(`${count} more answers`, () => of.codes.length >= before + count);
}

test('two zones of processes: each asks its own server, the other’s within seconds when it is killed, and its own again', async (t) => {
  const { west, east, llms } = zones;
  const always = askAlways(t);
  await always.more();
  assert.deepEqual([await askedOf(west), await askedOf(east)], ['near', 'near']);

  llms.west.child.kill('SIGKILL');
  const killedMs = performance.now();
  await until('the other zone serves it', async () => (await askedOf(west)) === 'far');
  t.diagnostic(`served from the other zone ${Math.round(performance.now() - killedMs)} ms after the kill`);
  await always.more();
  assert.equal(await askedOf(east), 'near');

  await spawnLlm(
    { after: (close) => void closing.push(close as () => unknown) },
    { port: llms.west.port, args: llmArguments },
  );
  const backMs = performance.now();
  await until('its own zone serves it again', async () => (await askedOf(west)) === 'near');
  t.diagnostic(`served from its own zone ${Math.round(performance.now() - backMs)} ms after its return`);
  await always.allServed();
});

/** Asks so many times, some at once, and gives how many were let through; all others must have been told this. */
async function letThrough(
  zone: Zone,
  as: Caller,
  { times: count, others }: { times: number; others: readonly number[] },
) {
  const statuses: number[] = [];
  while (statuses.length < count) {
    const some = Array.from({ length: Math.min(8, count - statuses.length) }, () => zone.ask(as));
    statuses.push(...(await Promise.all(some)).map(({ status }) => status));
  }
  const refused = statuses.filter((status) => status !== 200);
  assert.deepEqual(
    refused.filter((status) => !others.includes(status)),
    [],
  );
  return count - refused.length;
}

test('G11, G19: a zone is cut off from Redis and joined again: what both let through meanwhile is in bounds, and whole afterwards', async (t) => {
  const { west, east, toRedis } = zones;
  const always = askAlways(t);
  const early: Caller = { tenant: 'early' };
  const late: Caller = { tenant: 'late' };
  const limited: Caller = { model: 'limited' };
  const firstMs = performance.now();
  let passed = 0;
  for (const zone of [west, east]) {
    for (const as of [early, late]) assert.equal(await letThrough(zone, as, { times: 10, others: [] }), 10);
    passed += await letThrough(zone, limited, { times: 8, others: [] });
  }

  toRedis.freeze();
  await until('all of it say so', async () => (await isDegraded(east)) && (await isDegraded(east)));
  await always.more();
  assert.equal(await isDegraded(west), false);
  const alone = {
    // Nobody’s budget is spent because Redis is away: whoever gets no more is told of an outage.
    early: await letThrough(east, early, { times: 2 * budgetAlone, others: [503] }),
    late: await letThrough(east, late, { times: 2 * budgetAlone, others: [503] }),
    limited: await letThrough(east, limited, { times: burst, others: [429] }),
  };
  for (const given of [alone.early, alone.late]) assert.ok(given > 0 && given <= budgetAlone, `${given}`);
  // Whoever has Redis goes on with all that is left, and not with more.
  const rest = budget - 20;
  assert.equal(await letThrough(west, early, { times: rest + 8, others: [429] }), rest);
  passed += alone.limited + (await letThrough(west, limited, { times: burst, others: [429] }));

  toRedis.thaw();
  const thawedMs = performance.now();
  await until('it is joined again', async () => !(await isDegraded(east)) && !(await isDegraded(east)));
  t.diagnostic(`joined again after ${Math.round(performance.now() - thawedMs)} ms`);
  // Nothing is left of the one, in either zone; of the other there is what neither has spent, to the last request.
  for (const zone of [east, west])
    assert.equal(await letThrough(zone, early, { times: 8, others: [429] }), 0);
  await until(
    'the zone that was cut off has told what it spent',
    async () => (await spentOf('late')) === 20 + alone.late,
  );
  const left = await Promise.all(
    [east, west].map((zone) => letThrough(zone, late, { times: Math.ceil(rest / 2) + 4, others: [429] })),
  );
  assert.equal(
    left.reduce((sum, given) => sum + given, 20 + alone.late),
    budget,
  );
  for (const zone of [east, west]) passed += await letThrough(zone, limited, { times: 8, others: [429] });
  const allowed = (burst + ((performance.now() - firstMs) / 60_000) * perMinute) * 1.5;
  t.diagnostic(`alone ${JSON.stringify(alone)}; of the limit ${passed} of ${Math.floor(allowed)}`);
  assert.ok(passed <= allowed);
  await always.allServed();
});

/** As Redis has it. */
async function spentOf(tenant: string): Promise<number> {
  const [gateway] = zones.west.gateways;
  assert.ok(gateway !== undefined);
  const reply = await gateway.admin(`budgets?holder=${tenant}`);
  const { items } = (await reply.json()) as { items: readonly { spent: number }[] };
  return items[0]?.spent ?? 0;
}
