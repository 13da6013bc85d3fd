// Two whole gateways that share PostgreSQL: one `Idempotency-Key` is one request for both, whatever becomes of them.
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import pg from 'pg';
import { openPlace, serve } from '../cli/gateway-process.ts';
import { until } from '../faults/rig.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { createHeldClock } from '../held-clock.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';
import { type GatedLlm, openGatedLlm } from '../upstream/gated-llm.ts';

let postgres: PostgresServer;
before(async () => {
  postgres = await openPostgresServer();
});
after(() => postgres.stop());

const clientKey = 'sk-mr-76543210fedcba9876543210fedcba9876543210';

function configOf(llm: GatedLlm, store: string) {
  return {
    store,
    upstreams: { llm: { type: 'openai', url: llm.url, slots: 64 } },
    models: { m: { targets: [{ upstream: 'llm', model: 'gated' }] } },
    keys: [{ name: 'client', key: clientKey }],
  };
}

async function openReplicas(t: TestContext, more: object = {}) {
  const llm = await openGatedLlm(t);
  const store = await postgres.createDatabase();
  const config = { ...configOf(llm, store), ...more };
  const replicas = await Promise.all([openTestGateway({ config }), openTestGateway({ config })]);
  t.after(() => Promise.all(replicas.map((replica) => replica.close())));
  t.after(() => llm.open());
  return { llm, store, config, replicas };
}

function send(url: string, idempotencyKey = 'k-1', body: object = {}): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${clientKey}`,
      'content-type': 'application/json',
      ...(idempotencyKey === '' ? {} : { 'idempotency-key': idempotencyKey }),
    },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...body }),
  });
}

async function rowsOf({ gateway }: TestGateway): Promise<number> {
  const question = { fromDay: '2026-01-01', toDay: '2100-01-01', by: [], where: {}, rowsMax: 1 } as const;
  const [sum] = await gateway.lasting.store.ledger.sum(question);
  return sum?.exchanges ?? 0;
}

test('C12: of fifty that come at once to two replicas one is done, and all get its answer in the end', async (t) => {
  const { llm, replicas } = await openReplicas(t);
  const [one, two] = replicas;
  llm.shut();
  const early = Array.from({ length: 50 }, (_, index) => send(index % 2 === 0 ? one.url : two.url));
  let answered = 0;
  for (const each of early) void each.then(() => (answered += 1));
  await until('all but one are answered', () => answered === 49);
  llm.open();
  const replies = await Promise.all(early);
  assert.equal(replies.filter(({ status }) => status === 409).length, 49);
  const text = await replies.find(({ status }) => status === 200)?.text();
  for (const { url } of replicas) {
    const again = await send(url);
    assert.equal(again.headers.get('idempotent-replayed'), 'true');
    assert.equal(await again.text(), text);
    assert.equal((await send(url, 'k-1', { temperature: 1 })).status, 422);
  }
  assert.equal(llm.asked, 1);
  await until('one row is in the ledger', async () => (await rowsOf(one)) === 1);
});

test('C12: a gateway that is killed in the middle leaves the key to whoever comes next', async (t) => {
  const { llm, store, config, replicas } = await openReplicas(t);
  const [survivor] = replicas;
  await using place = await openPlace();
  await place.write('millrace.yaml', JSON.stringify(config));
  const dying = await serve(['--config', 'millrace.yaml'], { place });
  llm.shut();
  const cut = send(dying.ready.clients);
  cut.catch(() => {});
  await until('it is under way', () => llm.asked === 1);
  assert.equal((await send(survivor.url)).status, 409);
  await dying.stop('SIGKILL');
  await assert.rejects(cut);
  assert.equal((await send(survivor.url)).status, 409, 'nobody can know yet that it has died');
  await endLeases(store);
  llm.open();
  const anew = await send(survivor.url);
  assert.deepEqual([anew.status, anew.headers.get('idempotent-replayed')], [200, null]);
  assert.equal((await send(survivor.url)).headers.get('idempotent-replayed'), 'true');
  assert.equal(llm.asked, 2);
});

test('P12, P4: a gateway that stood still for longer than its claim keeps nothing over what the next one has done', async (t) => {
  const { llm, store, replicas } = await openReplicas(t);
  const [next] = replicas;
  const slow = await openGatedLlm(t);
  t.after(() => slow.open());
  // Its timers do not run, and so its claim is not renewed.
  const clock = createHeldClock(Date.now());
  const still = await openTestGateway({ config: configOf(slow, store), clock });
  t.after(() => still.close());
  slow.shut();
  const late = send(still.url);
  await until('it is under way', () => slow.asked === 1);
  await endLeases(store);
  assert.equal((await send(next.url, 'k-before')).status, 200);
  const done = await send(next.url);
  assert.deepEqual([done.status, done.headers.get('idempotent-replayed')], [200, null]);
  const text = await done.text();
  slow.open();
  assert.equal((await late).status, 200);
  assert.notEqual(await (await late).text(), text);
  clock.advance(60_000);
  for (const { url } of [next, still]) {
    const again = await send(url);
    assert.deepEqual([again.status, again.headers.get('idempotent-replayed')], [200, 'true']);
    assert.equal(await again.text(), text, 'whoever comes again gets what the next one did');
  }
  assert.deepEqual([slow.asked, llm.asked], [1, 2]);
});

test('C12: what a gateway cuts because it stops is no answer: whoever comes next does it anew', async (t) => {
  const { llm, store, replicas } = await openReplicas(t);
  const [stopping, other] = replicas;
  llm.shut();
  const cut = send(stopping.url);
  await until('it is under way', () => llm.asked === 1);
  await stopping.close();
  assert.equal((await cut).status, 503);
  await endLeases(store);
  llm.open();
  const anew = await send(other.url);
  assert.deepEqual([anew.status, anew.headers.get('idempotent-replayed')], [200, null]);
});

/** As if half a minute had gone by. */
async function endLeases(store: string): Promise<void> {
  const client = new pg.Client({ connectionString: store });
  await client.connect();
  await client.query("update replays set until_ms = until_ms - 30000 where state = 'claimed'");
  await client.end();
}

test('DP9, G5: without the store a request with a key is refused as our outage, and all others are served', async (t) => {
  const { llm, replicas } = await openReplicas(t);
  const [one] = replicas;
  assert.equal((await send(one.url)).status, 200);
  postgres.kill();
  t.after(() => postgres.restart());
  const refused = await send(one.url, 'k-2');
  assert.equal(refused.status, 503);
  assert.ok(Number(refused.headers.get('retry-after')) >= 1);
  const said = await refused.text();
  assert.match(said, /dependency_unavailable/);
  assert.doesNotMatch(said, /127\.0\.0\.1|localhost/, 'where the store is is nothing for clients');
  assert.equal((await send(one.url, '')).status, 200);
  assert.equal(llm.asked, 2);
});

test('DP9: what was done while the store went away is kept when it is back', async (t) => {
  const { llm, replicas } = await openReplicas(t);
  const [one, two] = replicas;
  llm.shut();
  const first = send(one.url);
  await until('it is under way', () => llm.asked === 1);
  postgres.kill();
  llm.open();
  const text = await (await first).text();
  await postgres.restart();
  await until('it is kept', async () => {
    const again = await send(two.url);
    return again.status === 200 && (await again.text()) === text;
  });
  assert.equal(llm.asked, 1);
});

test('C12, G14: a tenant that keeps more than it may over two replicas loses its oldest answers, and nothing is done twice', async (t) => {
  const idempotency = { bytesMax: '2KiB', tenantBytesMax: '8KiB' };
  const { llm, replicas, store } = await openReplicas(t, { idempotency });
  const ask = async (at: number) => {
    const reply = await send(replicas[at % 2]?.url ?? '', `k-${at}`);
    await reply.arrayBuffer();
    return reply.status;
  };
  const count = 40;
  for (let at = 0; at < count; at += 1) assert.equal(await ask(at), 200);
  const client = new pg.Client({ connectionString: store });
  await client.connect();
  t.after(() => client.end());
  const lengths = async () => {
    const { rows } = await client.query('select length(reply) as bytes from replays order by until_ms');
    return rows.map(({ bytes }) => Number(bytes));
  };
  const kept = async () => (await lengths()).reduce((sum, bytes) => sum + bytes, 0);
  // Nobody who was answered waited for it.
  await until('the oldest are gone', async () => (await kept()) <= 8_192 + 2 * 1_024 + 2_048);
  assert.ok((await kept()) > 4_096, `${await kept()} bytes are kept`);
  const statuses = new Set<number>();
  for (let at = 0; at < count; at += 1) statuses.add(await ask(at));
  assert.deepEqual([...statuses].sort(), [200, 409]);
  const isKept = (await lengths()).map((bytes) => bytes > 0);
  assert.deepEqual(isKept, isKept.toSorted(), 'the newest, and none before them');
  assert.equal(llm.asked, count);
});
