// `millrace serve --workers 2`: real processes behind one port, over a real Redis.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../faults/rig.ts';
import { openRedisServer, type RedisServer } from '../servers/redis-server.ts';
import { jsonLines, openPlace, type Place, type RunningProcess, serve } from './gateway-process.ts';

let redis: RedisServer;

before(async () => {
  redis = await openRedisServer();
});

after(() => redis.stop());

interface Status {
  readonly pid: number;
  readonly configId: string;
  readonly inFlight: number;
  readonly workers: readonly { worker: number; pid: number; configId: string; inFlight: number }[];
}

/** Each test has a database of the server for itself: nobody else's limits count here. */
let databases = 0;

function config(extra: Readonly<Record<string, unknown>> = {}): string {
  databases += 1;
  return JSON.stringify({
    shared: `${redis.url}/${databases}`,
    upstreams: { sim: { type: 'simulator', firstTokenMs: 1, tokensPerSecond: 1_000, slots: 64 } },
    models: { simulator: { targets: [{ upstream: 'sim', model: 'simulator' }] } },
    prices: { simulator: { inputPerM: 1, outputPerM: 1 } },
    ...extra,
  });
}

async function start(place: Place, text = config()): Promise<RunningProcess> {
  await place.write('millrace.yaml', text);
  return await serve(['--workers', '2'], { place });
}

async function statusOf(gateway: RunningProcess): Promise<Status> {
  return (await (await gateway.admin('status')).json()) as Status;
}

/** On a connection of its own: the kernel gives each to whichever worker it likes. */
async function chat(gateway: RunningProcess, fields: object = {}, key?: string): Promise<Response> {
  const reply = await fetch(`${gateway.ready.clients}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key ?? (await gateway.key())}`,
      'content-type': 'application/json',
      // As through a proxy on this machine: limits do not hold on loopback.
      'x-forwarded-for': '192.0.2.7',
      connection: 'close',
    },
    body: JSON.stringify({
      model: 'simulator',
      max_tokens: 2,
      messages: [{ role: 'user', content: 'hi' }],
      ...fields,
    }),
  });
  await reply.clone().arrayBuffer();
  return reply;
}

/** Which worker took it, by the lines of the log. */
function countsByWorker(gateway: RunningProcess): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const line of jsonLines(gateway.out())) {
    if (line['route'] !== 'openai.chat') continue;
    counts[String(line['worker'])] = (counts[String(line['worker'])] ?? 0) + 1;
  }
  return counts;
}

async function exchangesAt(gateway: RunningProcess, listener: 'clients' | 'admin'): Promise<number> {
  const headers = { authorization: `Bearer ${await gateway.token()}`, connection: 'close' };
  const reply = await fetch(`${gateway.ready[listener]}/metrics`, listener === 'admin' ? { headers } : {});
  const text = await reply.text();
  assert.equal(reply.status, 200, text);
  return Number(
    /^millrace_exchanges_total\{route="openai\.chat",outcome="complete",code=""\} (\d+)$/m.exec(text)?.[1] ??
      0,
  );
}

test('two workers share one port, and operators hear of both together', async () => {
  await using place = await openPlace();
  await using gateway = await start(place);
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
  const { code, out } = await gateway.stop('SIGTERM');
  assert.equal(code, 0);
  const lines = jsonLines(out);
  assert.equal(lines.filter(({ msg }) => msg === 'a worker serves').length, 2);
});
