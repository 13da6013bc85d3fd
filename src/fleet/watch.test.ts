import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createHeldClock } from '../../test/held-clock.ts';
import { upstreamOf } from '../../test/targets.ts';
import { nothingLearnt, queueOf } from '../../test/wants.ts';
import { createHttpTransport } from '../net/http-transport.ts';
import { llamacppSlots } from '../providers/openai/llamacpp-slots.ts';
import { Catalogue } from './catalogue.ts';
import { Health } from './health.ts';
import { Scheduler } from './scheduler.ts';
import { refresh, watch } from './watch.ts';

async function rig(t: TestContext, answer: RequestListener) {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const transport = createHttpTransport({
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    basePath: '',
    headers: [],
    connections: 1,
    idleMax: 1,
    connectMs: 1_000,
    keepAliveMs: 1_000,
  });
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const clock = createHeldClock();
  const health = new Health(clock);
  const options = {
    clock,
    catalogue: new Catalogue(),
    health,
    scheduler: new Scheduler({
      clock,
      queue: queueOf({ places: 1, bytes: 1 }),
      gate: health,

      learnt: nothingLearnt,
    }),
    slotsToldBy: () => llamacppSlots,
    onUntold: () => {},
    everyMsOf: () => 30_000,
    silentMs: 0,
    isChecked: () => true,
    onSilent: () => {},
    listPathOf: () => '/models',
    onListing: () => {},
  };
  return { server, transport, options, upstream: { ...upstreamOf('a'), transport } };
}

const answerWith = (status: number, body: string): RequestListener => {
  return (_request, response) => response.writeHead(status).end(body);
};

test('stopping drops a listing that nobody answers: closing does not wait for it', {
  timeout: 3_000,
}, async (t) => {
  const { server, transport, options, upstream } = await rig(t, () => {});
  const asked = once(server, 'request');
  const stop = watch([upstream], options);
  await asked;
  stop();
  await transport.close();
  assert.equal(options.health.of(upstream).state, 'unknown');
  assert.equal(options.clock.pending, 0);
});

test('servers are asked again a little apart from each other, and never by a call', async (t) => {
  const asked: string[] = [];
  const { options, upstream } = await rig(t, (request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.end('{"data":[]}');
  });
  const pauses = new Set<number>();
  for (let round = 0; round < 5; round += 1) {
    const clock = createHeldClock();
    const heard = Promise.withResolvers<void>();
    const stop = watch([upstream], { ...options, clock, onListing: () => heard.resolve() });
    await heard.promise;
    await new Promise<void>((resolve) => setImmediate(resolve));
    pauses.add(clock.nextInMs);
    stop();
  }
  assert.ok(pauses.size > 1 && [...pauses].every((ms) => ms >= 27_000 && ms <= 33_000), [...pauses].join());
  assert.deepEqual([...new Set(asked)], ['GET /models']);
});

test('an upstream without a list has told so, and one in trouble has told nothing yet', async (t) => {
  for (const [status, body, heard] of [
    [404, 'nothing here', true],
    [405, '', true],
    [500, '', false],
    [200, 'no JSON', false],
    [200, '{"data":[]}', true],
  ] as const) {
    const { options, upstream } = await rig(t, answerWith(status, body));
    await refresh(upstream, options);
    assert.equal(options.catalogue.hasHeard(upstream), heard, `${status} ${body}`);
  }
});

test('a server without a list never counts as down for that, and one whose list is gone does', async (t) => {
  for (const [models, state] of [
    [[], 'unknown'],
    [['m'], 'down'],
  ] as const) {
    const { options, upstream } = await rig(t, answerWith(404, 'nothing here'));
    if (models.length > 0) options.catalogue.learn(upstream, [{ name: 'm', described: {} }]);
    for (let count = 0; count < 4; count += 1) await refresh(upstream, options);
    assert.equal(options.health.of(upstream).state, state);
    assert.match(options.health.of(upstream).lastFailure ?? '', /404/);
  }
});

test('a list that is gone for a moment takes nothing away', async (t) => {
  let status = 200;
  const { options, upstream } = await rig(t, (request, response) =>
    answerWith(status, '{"data":[{"id":"m"}]}')(request, response),
  );
  await refresh(upstream, options);
  status = 404;
  await refresh(upstream, options);
  assert.deepEqual(options.catalogue.of(upstream), ['m']);
});

test('llama.cpp is believed about its slots, as long as it is there and nobody said otherwise', async (t) => {
  let owner = 'llamacpp';
  let props = '{"total_slots":3}';
  const { options, upstream } = await rig(t, (request, response) => {
    if (request.url === '/props') response.end(props);
    else response.end(JSON.stringify({ data: [{ id: 'm', owned_by: owner }] }));
  });
  const assumed = { ...upstream, slots: 64, slotsAssumed: true };
  const slotsAfter = async () => {
    await refresh(assumed, options);
    assert.equal(options.health.of(assumed).state, 'up');
    return options.scheduler.limitOf(assumed);
  };
  assert.equal(await slotsAfter(), 3);
  props = 'no JSON';
  assert.equal(await slotsAfter(), 3, 'what it told before stands');
  props = '{"total_slots":300}';
  assert.equal(await slotsAfter(), 64, 'no more than there are connections for');
  for (const total of ['0', '-1', '1.5', '"9"', 'null']) {
    props = `{"total_slots":${total}}`;
    assert.equal(await slotsAfter(), 64, total);
  }
  props = '{"total_slots":3}';
  assert.equal(await slotsAfter(), 3);
  owner = 'vllm';
  assert.equal(await slotsAfter(), 64, 'another server stands there now');
  options.scheduler.resize(queueOf({ places: 1, bytes: 1 }), [{ ...upstream, slots: 8 }]);
  assert.equal(options.scheduler.limitOf({ ...upstream, slots: 8 }), 8);
});
