// Workers that are killed, or hang, under load: what their clients see, and who takes their place.
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { until } from '../faults/rig.ts';
import { openRedisServer, type RedisServer } from '../servers/redis-server.ts';
import { openPacedLlm } from '../upstream/paced-llm.ts';
import { openPlace, type RunningProcess } from './gateway-process.ts';
import { chat, configOver, exchangesAt, killOne, start } from './workers-rig.ts';

let redis: RedisServer;

before(async () => {
  redis = await openRedisServer();
});

after(() => redis.stop());

/** P5: within 5 s, where the machine starts a whole gateway in that time. */
function isSoon(tookMs: number, gateway: RunningProcess): boolean {
  return tookMs < Math.max(5_000, gateway.readyMs);
}

test('G21, P2, P5: a worker that is killed is back within 5 s, its streams look cut, the others serve on, and no row of the ledger is lost', async (t) => {
  await using place = await openPlace();
  const { end, ...long } = await openLong(t);
  await using gateway = await start(place, configOver(redis, long));
  const { ends } = await openStreams(gateway);
  for (let sent = 0; sent < 20; sent += 1) await chat(gateway);
  // Under load: whoever is at the other worker notices nothing, whoever is at this one is cut.
  let answered = 0;
  let cut = 0;
  let enough = false;
  const clients = Array.from({ length: 4 }, async () => {
    while (!enough) {
      await chat(gateway).then(
        ({ status }) => {
          assert.equal(status, 200);
          answered += 1;
        },
        () => {
          cut += 1;
        },
      );
    }
  });
  const tookMs = await killOne(gateway);
  assert.ok(isSoon(tookMs, gateway), `${tookMs} ms`);
  const before = answered;
  await until('all go on', () => answered > before + 8);
  enough = true;
  await Promise.all(clients);
  assert.ok(answered > cut);
  end();
  assertCutOrDone(await ends);
  // What was answered is in the ledger, whoever answered it: also what the killed one had only in its spool.
  const complete = async () => {
    const reply = await gateway.admin('usage?by=outcome');
    const { sums } = (await reply.json()) as { sums: { by: { outcome: string }; exchanges: number }[] };
    return sums.find(({ by }) => by.outcome === 'complete')?.exchanges ?? 0;
  };
  await until('no row is missing', async () => (await complete()) >= answered + 20);
  assert.ok((await exchangesAt(gateway, 'admin')) > 0);
  const { code } = await gateway.stop('SIGTERM');
  assert.equal(code, 0);
});

/** Beside the simulator, a model whose streams run until they are told to end. */
async function openLong(t: TestContext) {
  const llm = await openPacedLlm(t, { answerMs: 1, events: 1_000_000, everyMs: 100 });
  const upstreams = {
    sim: { type: 'simulator', firstTokenMs: 1, tokensPerSecond: 1_000, slots: 64 },
    paced: { type: 'openai', url: llm.url, slots: 64 },
  };
  const models = {
    simulator: { targets: [{ upstream: 'sim', model: 'simulator' }] },
    long: { targets: [{ upstream: 'paced', model: 'counted' }] },
  };
  return { upstreams, models, end: llm.end };
}

/** So many that neither worker is without: how each of them ends, once all are under way. */
async function openStreams(gateway: RunningProcess): Promise<{ readonly ends: Promise<readonly string[]> }> {
  const headers = {
    authorization: `Bearer ${await gateway.key()}`,
    'content-type': 'application/json',
    connection: 'close',
  };
  const body = JSON.stringify({ model: 'long', stream: true, messages: [{ role: 'user', content: 'hi' }] });
  const open = () => fetch(`${gateway.ready.clients}/v1/chat/completions`, { method: 'POST', headers, body });
  const replies = await Promise.all(Array.from({ length: 18 }, open));
  return { ends: Promise.all(replies.map(endOf)) };
}

/** A body that was cut must fail to be read to its end, and hold no end of the answer. */
async function endOf(reply: Response): Promise<string> {
  let text = '';
  try {
    for await (const piece of reply.body?.pipeThrough(new TextDecoderStream()) ?? []) text += piece;
  } catch {
    return /\[DONE\]|"finish_reason":"/.test(text) ? `cut after its end: ${text.slice(-300)}` : 'cut';
  }
  return /data: \[DONE\]\s*$/.test(text) ? 'done' : `ended without a word: ${text.slice(-300)}`;
}

/** Those of the worker that died, and those of the other one. */
function assertCutOrDone(ends: readonly string[]): void {
  assert.deepEqual([...new Set(ends)].sort(), ['cut', 'done']);
}

test('P4: a worker that stands still is killed when its time is over and another one started; its streams look cut', async (t) => {
  await using place = await openPlace();
  const hungMs = 2_000;
  const { end, ...long } = await openLong(t);
  await using gateway = await start(place, configOver(redis, { ...long, workers: { hungMs } }));
  const { ends } = await openStreams(gateway);
  const tookMs = await killOne(gateway, 'SIGSTOP');
  assert.ok(tookMs >= hungMs);
  const told = await gateway.line(({ msg }) => String(msg).startsWith('a worker has hung'));
  assert.ok(Number(told['silentMs']) >= hungMs);
  const ended = await gateway.line(({ msg }) => msg === 'a worker has ended');
  assert.deepEqual([ended['message'], ended['worker']], ['signal SIGKILL', told['worker']]);
  end();
  assertCutOrDone(await ends);
  for (let sent = 0; sent < 8; sent += 1) assert.equal((await chat(gateway)).status, 200);
  const headers = { authorization: `Bearer ${await gateway.token()}` };
  const metrics = await (await fetch(`${gateway.ready.admin}/metrics`, { headers })).text();
  assert.match(metrics, /^millrace_workers_hung_total 1$/m);
  assert.match(metrics, /^millrace_worker_restarts_total 1$/m);
});
