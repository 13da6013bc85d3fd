/** Servers call their models as they like: what is kept warm by name is kept so whatever the name is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../faults/rig.ts';
import { openWarmFleet } from '../warm-fleet.ts';

test('G12: a model that its server calls as no entry of a map may be called is kept like any other', async (t) => {
  const fleet = await openWarmFleet(t, {
    count: 1,
    models: ['constructor', '__proto__'],
    config: { models: {}, warm: { keepAliveMs: 60_000, idleUnloadMs: 60_000 } },
  });
  const { lasting, snapshot } = fleet.gateway.gateway;
  await until('the server has told what it has', () =>
    snapshot.upstreams.every((upstream) => lasting.catalogue.of(upstream).length === 2),
  );
  for (const model of ['constructor', '__proto__']) {
    await fleet.chat(model, '/api/chat');
    const asked = await fleet.servers[0]?.waitForRequest(({ path }) => path === '/api/chat');
    const fields = asked?.json as Readonly<Record<string, unknown>> | undefined;
    assert.equal(fields?.['keep_alive'], '60000ms');
  }
});
