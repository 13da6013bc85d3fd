// Whole replicas behind nginx that are stopped, killed and started again under load (G23).
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { answerTo, requestBytes } from '../security/raw.ts';
import { openRedisServer, type RedisServer } from '../servers/redis-server.ts';
import { soaking, times } from '../soak.ts';
import { openPacedLlm } from '../upstream/paced-llm.ts';
import { until } from './rig.ts';
import { openRollingLoad } from './rolling-load.ts';
import { openRolling, type Rolling } from './rolling-rig.ts';
import { readStreams } from './stream-load.ts';

let redis: RedisServer;

before(async () => {
  redis = await openRedisServer();
});

after(() => redis.stop());

/** A proxy that is held up for longer than `preStopMs` may ask one that has stopped after one that had not begun yet. */
const drain = { preStopMs: times(300, 5_000), requestsMs: 10_000, streamsMs: 10_000 };
/** How many times each of them is stopped and started again, and how many times one of them is killed. */
const cycles = times(1, 20);
const kills = times(1, 50);

test(`P1, P3, G23: ${cycles} times both are restarted in turn under load behind nginx, and nothing fails, and no stream ends unsaid`, {
  timeout: 90_000 * cycles,
}, async (t) => {
  const load = await openRollingLoad(t);
  const rolling = await openRolling(t, { redis, llm: load.url, drain });
  load.begin(rolling);
  await load.more(20);
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    for (const replica of rolling.replicas) {
      const ended = await replica.running.stop('SIGTERM');
      assert.equal(ended.code, 0, ended.err);
      await load.more(10);
      await replica.start();
      await load.more(10);
    }
  }
  t.diagnostic(await load.rest());
  assert.deepEqual(Object.keys(load.wholes), ['200']);
  assert.deepEqual(Object.keys(load.streams), ['200']);
});

test(`P2: ${kills} times a replica is killed under load: through nginx new requests are answered within a second, and its streams look cut`, {
  timeout: 90_000 + 60_000 * kills,
}, async (t) => {
  const load = await openRollingLoad(t);
  const rolling = await openRolling(t, { redis, llm: load.url, drain });
  load.begin(rolling);
  await load.more(20);
  let slowestMs = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    const dying = rolling.replicas[kill % rolling.replicas.length];
    await dying?.running.stop('SIGKILL');
    const killedMs = performance.now();
    assert.equal(await askOnce(rolling), 200);
    slowestMs = Math.max(slowestMs, performance.now() - killedMs);
    await load.more(30);
    await dying?.start();
    // What it held of the server's slots is others' after ten seconds: by then the next one may die.
    await load.more(times(30, 2_400));
  }
  t.diagnostic(`${await load.rest()}; the slowest first answer ${Math.round(slowestMs)} ms after its kill`);
  if (soaking) assert.ok(slowestMs < 1_000);
  // Whole ones that were under way there are asked again by nginx: nobody saw a byte of their answers.
  assert.deepEqual(Object.keys(load.wholes), ['200']);
  const ends = Object.keys(load.streams).map((status) => status.replace(/^200, cut: .*/, 'cut'));
  assert.deepEqual([...new Set(ends)].sort(), ['200', 'cut']);
});

/** With a bound, so that it is not asked for as a stream: that takes its time. */
async function askOnce({ url, key }: Rolling): Promise<number> {
  const reply = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'fast', max_tokens: 70, messages: [{ role: 'user', content: 'hi' }] }),
  });
  await reply.arrayBuffer();
  return reply.status;
}

test('G23: a stream that is longer than the gateway waits ends with an event that says why, and what to do', async (t) => {
  const llm = await openPacedLlm(t, { answerMs: 30, events: 1_000, everyMs: 20 });
  const rolling = await openRolling(t, {
    redis,
    llm: llm.url,
    drain: { preStopMs: 0, requestsMs: 300, streamsMs: 300 },
  });
  const streams = readStreams(rolling, 4);
  await until('all of them are under way', () => streams.begun === 4);
  // These four alone: nobody comes again.
  const read = streams.stop();
  const [one, two] = rolling.replicas;
  const ended = await Promise.all([one?.running.stop('SIGTERM'), two?.running.stop('SIGTERM')]);
  await read;
  assert.deepEqual(
    ended.map((each) => each?.code),
    [0, 0],
  );
  assert.equal(streams.ends.length, 4);
  for (const end of streams.ends) {
    assert.match(end, /server_draining/);
    assert.match(end, /unfinished/);
  }
});

test('G22, G23: who is told to stop is not ready any more, goes on for a while, and then keeps no idle connection', async (t) => {
  const llm = await openPacedLlm(t, { answerMs: 30, events: 20, everyMs: 30 });
  const rolling = await openRolling(t, { redis, llm: llm.url, drain: { ...drain, preStopMs: 1_500 } });
  const [replica] = rolling.replicas;
  assert.ok(replica !== undefined);
  const port = Number(new URL(replica.running.ready.clients).port);
  const look = async (path: string) => (await answerTo(port, requestBytes({ path }))).status;
  const idle = connect(port, '127.0.0.1');
  idle.write(requestBytes({ path: '/readyz' }));
  const [first] = (await once(idle, 'data')) as [Buffer];
  assert.match(first.toString(), /^HTTP\/1\.1 200/);
  const ending = replica.running.stop('SIGTERM');
  await until('it is not ready', async () => (await look('/readyz')) === 503);
  const served = await answerTo(port, chat(rolling));
  assert.deepEqual([served.status, served.headers.get('connection')], [200, 'close']);
  assert.equal(await look('/livez'), 200);
  assert.equal(idle.closed, false);
  await once(idle.resume(), 'close');
  const ended = await ending;
  assert.equal(ended.code, 0);
  assert.ok(ended.tookMs < 10_000, 'it waited for nobody who is idle');
});

function chat({ key }: Rolling): Buffer {
  return requestBytes({
    path: '/v1/chat/completions',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }] }),
  });
}
