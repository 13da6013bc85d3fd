// `millrace serve --workers 2`: real processes behind one port, over a real Redis.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { DependencyReport } from '../../src/answers/dependencies.ts';
import { until } from '../faults/rig.ts';
import { openRedisServer, type RedisServer } from '../servers/redis-server.ts';
import { jsonLines, millrace, openPlace, type RunningProcess, serve } from './gateway-process.ts';
import { runVerb } from './run-verb.ts';
import { chat, configOver, exchangesAt, killOne, start, statusOf } from './workers-rig.ts';

let redis: RedisServer;

before(async () => {
  redis = await openRedisServer();
});

after(() => redis.stop());

const config = (extra?: Readonly<Record<string, unknown>>) => configOver(redis, extra);

/** Which worker took it, by the lines of the log. */
function countsByWorker(gateway: RunningProcess): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const line of jsonLines(gateway.out())) {
    if (line['route'] !== 'openai.chat') continue;
    counts[String(line['worker'])] = (counts[String(line['worker'])] ?? 0) + 1;
  }
  return counts;
}

test('two workers share one port that is theirs alone, and operators hear of both together', async () => {
  await using place = await openPlace();
  const near = { name: 'near', key: 'sk-mr-near-c2f9a7d1e4b80356', role: 'operator' };
  const keys = [{ ...near, scopes: { addresses: ['127.0.0.0/8'] } }];
  await using gateway = await start(place, config({ keys }));
  for (let sent = 0; sent < 60; sent += 1) assert.equal((await chat(gateway)).status, 200);
  await until('each has served', () => Object.keys(countsByWorker(gateway)).length === 2);
  assert.equal(await exchangesAt(gateway, 'admin'), 60, 'at the admin listener');
  for (let asked = 0; asked < 6; asked += 1)
    assert.equal(await exchangesAt(gateway, 'clients'), 60, 'at whichever worker is asked');
  const status = await statusOf(gateway);
  assert.equal(status.pid, gateway.child.pid);
  assert.deepEqual(
    status.workers.map(({ worker }) => worker),
    [1, 2],
  );
  assert.deepEqual(new Set(status.workers.map(({ configId }) => configId)), new Set([status.configId]));
  // Where a key may be used from is known by a function, which no process can send another.
  const headers = { authorization: `Bearer ${near.key}` };
  const asked = await fetch(`${gateway.ready.admin}/admin/api/v1/status`, { headers });
  assert.equal(asked.status, 200, await asked.text());
  await using other = await openPlace();
  await other.write('millrace.yaml', config());
  const { port } = new URL(gateway.ready.clients);
  const environment = { MILLRACE__LISTEN__ADDRESS: `127.0.0.1:${port}` };
  const refused = await millrace(['serve', '--workers', '2'], { place: other, environment });
  assert.equal(refused.code, 1);
  assert.match(refused.err, /is in use by another process/, 'the port is not shared with somebody else');
  const { code, out } = await gateway.stop('SIGTERM');
  assert.equal(code, 0);
  // Two processes write to one pipe: every line is whole.
  const lines = jsonLines(out);
  assert.equal(lines.filter(({ msg }) => msg === 'a worker serves').length, 2);
});

test('an upstream that is drained is so in every worker, in one that is started later too, until it is resumed', async () => {
  await using place = await openPlace();
  const sim = { type: 'simulator', firstTokenMs: 1, tokensPerSecond: 1_000, slots: 64 };
  const targets = ['one', 'two'].map((upstream, at) => ({ upstream, model: 'simulator', tier: at + 1 }));
  const upstreams = { one: sim, two: { ...sim, seed: 2 } };
  await using gateway = await start(place, config({ upstreams, models: { simulator: { targets } } }));
  const order = async (what: string) => {
    const reply = await gateway.admin(`upstreams/one/${what}`, 'POST');
    return (await reply.json()) as { everywhere: boolean };
  };
  const served = async () => (await chat(gateway)).headers.get('x-millrace-target')?.split('/')[0];
  const asked = async () => new Set(await Promise.all(Array.from({ length: 20 }, served)));
  assert.deepEqual(await asked(), new Set(['one']));
  assert.equal((await order('drain')).everywhere, true);
  assert.deepEqual(await asked(), new Set(['two']));
  await killOne(gateway);
  assert.deepEqual(await asked(), new Set(['two']));
  const shown = (await (await gateway.admin('upstreams')).json()) as { upstreams: { drained?: object }[] };
  assert.deepEqual(
    shown.upstreams.map(({ drained }) => drained !== undefined),
    [true, false],
  );
  const first = (await (await gateway.admin('upstreams?limit=1')).json()) as { next?: string };
  const rest = await gateway.admin(`upstreams?limit=1&after=${first.next}`);
  assert.deepEqual(
    ((await rest.json()) as { upstreams: { name: string }[] }).upstreams.map(({ name }) => name),
    ['two'],
    'pages of all workers together',
  );
  const headers = { authorization: `Bearer ${await gateway.token()}` };
  const told = await fetch(`${gateway.ready.admin}/healthz/deps`, { headers });
  const { dependencies, upstreams: sums } = (await told.json()) as DependencyReport;
  assert.ok(dependencies.some(({ name, state }) => name === 'shared' && state === 'there'));
  assert.equal(sums.up + sums.down + sums.unknown, 2);
  await order('resume');
  assert.deepEqual(await asked(), new Set(['one']));
});

test('C11: limits and budgets are one for all workers', async () => {
  await using place = await openPlace();
  // Time lets more through, and on a busy machine twenty requests take some: of a day that is nothing.
  const limits = [{ per: 'key', requests: '6/day', burst: 6 }];
  await using gateway = await start(place, config({ limits }));
  const replies = await Promise.all(Array.from({ length: 20 }, () => chat(gateway)));
  const statuses = replies.map(({ status }) => status);
  assert.deepEqual([...new Set(replies.map(({ headers }) => headers.get('x-millrace-degraded')))], [null]);
  assert.equal(statuses.filter((status) => status === 200).length, 6, statuses.join(' '));
  await using other = await openPlace();
  const budgets = [{ per: 'key', requests: 5, window: 'month' }];
  await using second = await start(other, config({ budgets }));
  const codes: number[] = [];
  for (let sent = 0; sent < 20; sent += 1) codes.push((await chat(second)).status);
  assert.equal(codes.filter((status) => status === 200).length, 5, codes.join(' '));
});

test('a key that was made at the primary opens every worker, and one that was revoked opens none', async () => {
  await using place = await openPlace();
  await using gateway = await start(place, config());
  const headers = { authorization: `Bearer ${await gateway.token()}`, 'content-type': 'application/json' };
  const url = `${gateway.ready.admin}/admin/api/v1/keys`;
  const made = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ name: 'new' }) });
  assert.equal(made.status, 201);
  const { key } = (await made.json()) as { key: string };
  const served = () => countsByWorker(gateway);
  // Never 401: a worker that has not heard of it asks. While it starts it does not know what there is.
  await until('both workers take it', async () => {
    const reply = await chat(gateway, {}, key);
    assert.ok([200, 503].includes(reply.status), String(reply.status));
    return Object.keys(served()).length === 2 && (await allTake(gateway, key));
  });
  assert.equal((await gateway.admin('keys/new', 'DELETE')).status, 204);
  await until('none takes it any more', async () => !(await someTake(gateway, key)));
});

async function allTake(gateway: RunningProcess, key: string): Promise<boolean> {
  return (await statusesOf(gateway, key)).every((status) => status === 200);
}

async function someTake(gateway: RunningProcess, key: string): Promise<boolean> {
  return (await statusesOf(gateway, key)).includes(200);
}

/** So many connections that the kernel leaves no worker out, but once in a hundred thousand times. */
async function statusesOf(gateway: RunningProcess, key: string): Promise<readonly number[]> {
  return await Promise.all(Array.from({ length: 18 }, async () => (await chat(gateway, {}, key)).status));
}

test('G24: all workers take a changed configuration, or none of them does', async () => {
  await using place = await openPlace();
  const text = config();
  await using gateway = await start(place, text);
  const renamed = text.replace('"models":{"simulator"', '"drain":{"streamsMs":45000},"models":{"renamed"');
  await place.write('millrace.yaml', renamed);
  const reloaded = await runVerb(['reload', '--json'], { place });
  assert.equal(reloaded.code, 0, reloaded.out + reloaded.err);
  const { configId } = await statusOf(gateway);
  const { workers } = await statusOf(gateway);
  assert.deepEqual(
    workers.map((worker) => worker.configId),
    [configId, configId],
  );
  assert.notEqual(configId, gateway.ready.configId);
  for (let sent = 0; sent < 12; sent += 1)
    assert.equal((await chat(gateway, { model: 'renamed' })).status, 200);
  await place.write('millrace.yaml', text.replace('"slots":64', '"slots":"many"'));
  assert.equal((await runVerb(['reload'], { place })).code, 2);
  for (const worker of (await statusOf(gateway)).workers) assert.equal(worker.configId, configId);
  assert.equal((await chat(gateway, { model: 'renamed' })).status, 200);
  const { code, out } = await gateway.stop('SIGTERM');
  assert.equal(code, 0);
  const stopping = jsonLines(out).find(({ msg }) => msg === 'stopping');
  assert.equal(stopping?.['withinMs'], 45_000, 'it may take as long to stop as the new one says');
});

test('G23: told to stop, workers end what they have begun, and the exit code is 0', async () => {
  await using place = await openPlace();
  const upstreams = { sim: { type: 'simulator', firstTokenMs: 1, tokensPerSecond: 40, slots: 64 } };
  await using gateway = await start(place, config({ upstreams }));
  const key = await gateway.key();
  const ask = {
    model: 'simulator',
    stream: true,
    max_tokens: 30,
    messages: [{ role: 'user', content: 'hi' }],
  };
  const streams = await Promise.all(
    Array.from({ length: 8 }, () =>
      fetch(`${gateway.ready.clients}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify(ask),
      }),
    ),
  );
  const ending = gateway.stop('SIGTERM');
  for (const stream of streams) assert.match(await stream.text(), /data: \[DONE\]/);
  assert.equal((await ending).code, 0);
});

/** A system of which it is not known that its kernel shares out the connections of several listeners. */
const elsewhere = `data:text/javascript,Object.defineProperty(process,'platform',{value:'openbsd'})`;

test('where the kernel shares no port the primary hands connections on: to all, to who is started later, until each has ended', async () => {
  await using place = await openPlace();
  const upstreams = { sim: { type: 'simulator', firstTokenMs: 1, tokensPerSecond: 40, slots: 64 } };
  await using gateway = await start(place, config({ upstreams }), ['--import', elsewhere]);
  for (let sent = 0; sent < 4; sent += 1) assert.equal((await chat(gateway)).status, 200);
  await until('each had its turn', () => Object.values(countsByWorker(gateway)).join() === '2,2');
  await killOne(gateway);
  for (let sent = 0; sent < 4; sent += 1) assert.equal((await chat(gateway)).status, 200);
  await until('both have turns again', () => Object.values(countsByWorker(gateway)).join() === '4,4');
  const stream = await gateway.chat({ stream: true, max_tokens: 30 });
  const ending = gateway.stop('SIGTERM');
  assert.match(await stream.text(), /data: \[DONE\]/);
  assert.equal((await ending).code, 0);
});

test('when the primary is killed its workers end what they have begun, and then themselves', async () => {
  await using place = await openPlace();
  await using gateway = await start(place, config());
  const { workers } = await statusOf(gateway);
  await gateway.stop('SIGKILL');
  await until('they are gone', () => workers.every(({ pid }) => !isRunning(pid)));
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('without Redis several workers are refused, and MAX_WORKERS alone runs one and says so', async () => {
  await using place = await openPlace();
  await place.write('millrace.yaml', 'upstreams: { sim: { type: simulator } }\n');
  const refused = await millrace(['serve', '--workers', '2'], { place });
  assert.equal(refused.code, 2);
  assert.match(refused.err, /would each count limits.*set `shared: redis:\/\/HOST:PORT`, or `workers: 1`/);
  const senseless = await millrace(['serve', '--workers', 'many'], { place });
  assert.equal(senseless.code, 2);
  assert.match(senseless.err, /--workers must be a number from 1 to 256/);
  await using gateway = await serve([], { place, environment: { MAX_WORKERS: '2' } });
  assert.equal((await chat(gateway)).status, 200);
  assert.equal((await statusOf(gateway)).workers, undefined);
  await gateway.line(({ msg }) => /^MAX_WORKERS is not used: .* one process serves/.test(String(msg)));
});
