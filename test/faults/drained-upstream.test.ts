// An operator drains a server before it is worked on: no client loses a word, and nothing new goes there until it is resumed.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openTestAdmin, type TestAdmin } from '../admin-rig.ts';
import { openTestGateway, type TestGateway, type TestGatewayOptions } from '../gateway.ts';
import { openRedisServer } from '../servers/redis-server.ts';
import { openGatedLlm } from '../upstream/gated-llm.ts';
import { openRawClient } from '../upstream/raw-client.ts';
import { asked, type Dialect, openCarriedRig, readStream, type Server, whole } from './carried-rig.ts';
import { rigOf, until } from './rig.ts';

const isCall = ({ method }: { readonly method: string }) => method === 'POST';
const stall = { stallAfterChunks: 20 };

async function openRig(t: TestContext, servers: readonly Server[], extra: object = {}) {
  let admin: TestAdmin | undefined;
  const open = async (options: TestGatewayOptions): Promise<TestGateway> => {
    admin = await openTestAdmin(options);
    return { ...admin.gateway, close: admin.close };
  };
  const rig = await openCarriedRig(t, { servers, open, ...extra });
  assert.ok(admin !== undefined);
  return { ...rig, admin };
}

const order = async (admin: TestAdmin, name: string, what: 'drain' | 'resume') =>
  (await admin.ask(`upstreams/${name}/${what}`, { method: 'POST' })).body;

for (const client of ['openai', 'ollama'] as const satisfies readonly Dialect[]) {
  test(`a server is drained, and its streams to clients of ${client}'s go on elsewhere without a character lost or doubled`, async (t) => {
    const { admin, ...rig } = await openRig(t, [
      { type: 'ollama', behaviour: stall },
      { type: 'openai' },
      { type: 'openai' },
    ]);
    // Equal ones would be one call.
    const other = { ...asked[client].body, messages: [{ role: 'user', content: 'something else' }] };
    const sent = [rig.send(asked[client]), rig.send({ ...asked[client], body: other })];
    for (const one of sent) await until('it has begun', () => one.bytes().includes('。'));
    const { moved, warnings, drained, everywhere } = await order(admin, 's0', 'drain');
    assert.deepEqual([drained, everywhere, moved, warnings], [true, true, 2, []]);
    for (const one of sent) {
      const reply = await one.reply();
      assert.deepEqual([readStream(client, reply).text, readStream(client, reply).ended], [whole, true]);
      const [hop] = (await rig.row(reply)).carriedOn ?? [];
      assert.deepEqual([hop?.code, hop?.toUpstream], ['upstream_draining', 's1']);
    }
    // Nothing new goes there, by what everybody is shown; and back it comes, at once.
    assert.equal((await rig.row(await rig.ask(asked[client]))).upstream, 's1');
    assert.equal(rig.servers[0]?.requests.filter(isCall).length, 2);
    rig.servers[0]?.behave({ stallAfterChunks: Number.POSITIVE_INFINITY });
    await order(admin, 's0', 'resume');
    assert.equal((await rig.row(await rig.ask(asked[client]))).upstream, 's0');
    await rig.quiet();
  });
}

test('streams are moved neither to a server that is drained itself nor to one that is down', async (t) => {
  const { admin, ...rig } = await openRig(
    t,
    [
      { type: 'ollama', behaviour: stall },
      { type: 'openai' },
      // For whatever it is asked: it does not come back.
      { type: 'openai', behaviour: { status: 500, only: /^/ } },
    ],
    { config: { retries: { budget: 0, attempts: 1 }, health: { eject: { failures: 1 } } } },
  );
  await order(admin, 's1', 'drain');
  const sent = rig.send(asked.openai);
  await until('it has begun', () => sent.bytes().includes('。'));
  const { health } = rig.gateway.gateway.lasting;
  const last = rig.gateway.gateway.snapshot.upstreams[2];
  assert.ok(last !== undefined);
  const { fail } = await import('../../src/core/failure.ts');
  health.probed(last, fail('connect_failed', 'nobody is there'));
  const { moved, inFlight } = await order(admin, 's0', 'drain');
  assert.deepEqual([moved, inFlight], [0, 1], 'it may end where it is');
  await order(admin, 's1', 'resume');
  // Drained again it is looked at again; a budget for retries of nothing is none of an operator's affair.
  assert.equal((await order(admin, 's0', 'drain')).moved, 1);
  assert.equal(readStream('openai', await sent.reply()).text, whole);
  await rig.quiet();
});

async function openGated(t: TestContext, extra: object = {}) {
  const gated = await openGatedLlm(t);
  const other = await openGatedLlm(t);
  const config = {
    upstreams: {
      gated: { type: 'openai', url: gated.url, slots: 4 },
      other: { type: 'openai', url: other.url, slots: 4 },
    },
    models: {
      o: {
        targets: [
          { upstream: 'gated', model: 'gated', tier: 1 },
          { upstream: 'other', model: 'gated', tier: 2 },
        ],
      },
    },
    ...extra,
  };
  const admin = await openTestAdmin({ config });
  t.after(() => admin.close());
  const chat = (fields: object = {}) => {
    const sent = openRawClient(admin.gateway.port);
    const messages = [{ role: 'user', content: 'hi' }];
    sent.send(`/k/${admin.gateway.key}/v1/chat/completions`, { model: 'o', messages, ...fields });
    return sent;
  };
  return { gated, other, config, admin, chat };
}

test('a whole answer ends at the server that is drained, and so does a stream that cannot be moved', async (t) => {
  const { gated, other, admin, chat } = await openGated(t);
  gated.shut();
  const answer = chat();
  const stream = chat({ stream: true });
  await until('both are there', () => gated.asked === 2);
  await until('the stream has begun', () => stream.bytes().includes('one '));
  const { moved, inFlight } = await order(admin, 'gated', 'drain');
  assert.deepEqual([moved, inFlight], [0, 2]);
  const late = await chat().reply();
  assert.match(late.head, /x-millrace-target: other/i);
  gated.open();
  assert.match((await answer.reply()).content.toString(), /one two three/);
  assert.match((await stream.reply()).content.toString(), /three[\s\S]*\[DONE\]/);
  assert.deepEqual([gated.asked, other.asked], [2, 1]);
});

test('who is drained is shown with the reason; nobody left is warned of, and told to clients as 503', async (t) => {
  const { admin, gated, chat } = await openGated(t);
  await order(admin, 'gated', 'drain');
  const { warnings } = await order(admin, 'other', 'drain');
  assert.match(warnings.join(), /nobody is left to serve o\b/);
  const { upstreams } = (await admin.ask('upstreams')).body;
  assert.equal(upstreams[0].drained.by, 'admin-token');
  const { models } = (await admin.ask('models')).body;
  assert.deepEqual(models[0].targets[0], { upstream: 'gated', model: 'gated', tier: 1, drained: true });
  assert.ok((await admin.ask('ps')).body.running.every((row: { drained?: boolean }) => row.drained));
  const refused = await chat().reply();
  assert.match(refused.head, /^HTTP\/1.1 503/);
  assert.match(refused.content.toString(), /an operator has drained gated, other/);
  assert.equal(gated.asked, 0);
  const { items } = (await admin.ask('audit')).body;
  const written = items.map(({ action, object }: { action: string; object: string }) => [action, object]);
  assert.ok(written.some(([action, object]: string[]) => action === 'upstreams.drain' && object === 'gated'));
  assert.equal((await admin.ask('upstreams/nobody/drain', { method: 'POST' })).status, 404);
});

test('who waits in the queue of a server that is drained is sent elsewhere, or told', async (t) => {
  const { gated, other, admin, chat } = await openGated(t, { retries: { attempts: 1 } });
  gated.shut();
  const busy = Array.from({ length: 4 }, () => chat());
  await until('all slots are taken', () => gated.asked === 4);
  const waits = chat();
  await until('it waits', () => admin.gateway.gateway.lasting.scheduler.waiting === 1);
  await order(admin, 'gated', 'drain');
  assert.match((await waits.reply()).content.toString(), /one two three/);
  assert.equal(other.asked, 1);
  gated.open();
  for (const one of busy) assert.match((await one.reply()).head, /^HTTP\/1.1 200/);
});

test('a drained server stays so over reloads, until it is another one; a reload cuts nothing that is under way', async (t) => {
  const { gated, config, admin, chat } = await openGated(t);
  const { drains } = admin.gateway.gateway.lasting;
  const first = () => {
    const [upstream] = admin.gateway.gateway.snapshot.upstreams;
    assert.ok(upstream !== undefined);
    return upstream;
  };
  await order(admin, 'gated', 'drain');
  await admin.gateway.reload({ ...config, retries: { attempts: 1 } });
  assert.ok(drains.of(first()));
  const url = config.upstreams.gated.url.replace('127.0.0.1', 'localhost');
  await admin.gateway.reload({
    ...config,
    upstreams: { ...config.upstreams, gated: { ...config.upstreams.gated, url } },
  });
  assert.equal(drains.of(first()), undefined, 'another server');
  await admin.gateway.reload(config);
  assert.ok(drains.of(first()), 'it is that server again');
  await order(admin, 'gated', 'resume');
  gated.shut();
  const stream = chat({ stream: true });
  const answer = chat();
  await until('both are there', () => gated.asked === 2);
  const { gated: _, ...left } = config.upstreams;
  const models = { o: { targets: [{ upstream: 'other', model: 'gated' }] } };
  await admin.gateway.reload({ ...config, upstreams: left, models });
  assert.match((await chat().reply()).head, /x-millrace-target: other/i);
  gated.open();
  assert.match((await stream.reply()).content.toString(), /three[\s\S]*\[DONE\]/);
  assert.match((await answer.reply()).content.toString(), /one two three/);
});

test('replicas are told, one that starts later too; with Redis away an order holds here alone, and says so', async (t) => {
  const own = await openRedisServer();
  t.after(() => own.stop());
  const gated = await openGatedLlm(t);
  const config = {
    shared: own.url,
    upstreams: { gated: { type: 'openai', url: gated.url, slots: 4 } },
    models: { o: { targets: [{ upstream: 'gated', model: 'gated' }] } },
  };
  const admin = await openTestAdmin({ config });
  t.after(() => admin.close());
  const replica = async () => {
    const opened = await openTestGateway({ config });
    t.after(() => opened.close());
    return opened;
  };
  const isDrained = ({ gateway: { snapshot, lasting } }: TestGateway) =>
    snapshot.upstreams.every((upstream) => lasting.drains.of(upstream) !== undefined);
  const early = await replica();
  assert.equal((await order(admin, 'gated', 'drain')).everywhere, true);
  await until('the other has heard', () => isDrained(early));
  const late = await replica();
  assert.ok(isDrained(late), 'before it serves anybody');
  assert.equal(
    (await rigOf(undefined as never, late).ask({ route: 'openai.chat' })).head.slice(9, 12),
    '503',
  );

  own.kill();
  const resumed = await order(admin, 'gated', 'resume');
  assert.equal(resumed.everywhere, false);
  assert.match(resumed.warnings.join(), /this one goes by it alone/);
  assert.ok(!isDrained(admin.gateway) && isDrained(early));
  await own.restart();
  // It came back empty: of what each of them knows the later order holds.
  await until('all go by it again', () => !isDrained(early) && !isDrained(late) && !isDrained(admin.gateway));
});
