// Whole replicas behind nginx that are stopped, killed and started again under load (G23).
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { answerTo, requestBytes } from '../security/raw.ts';
import { openRedisServer, type RedisServer } from '../servers/redis-server.ts';
import { times } from '../soak.ts';
import { openPacedLlm } from '../upstream/paced-llm.ts';
import { until } from './rig.ts';
import { openRolling, type Rolling } from './rolling-rig.ts';
import { type Load, load } from './shared-slots-rig.ts';
import { readStreams } from './stream-load.ts';

let redis: RedisServer;

before(async () => {
  redis = await openRedisServer();
});

after(() => redis.stop());

const drain = { preStopMs: 300, requestsMs: 10_000, streamsMs: 10_000 };
/** How many times each of them is stopped and started again. */
const cycles = times(2, 20);

async function more(of: Load, count: number): Promise<void> {
  const before = of.codes.length;
  await until(`${count} more answers`, () => of.codes.length >= before + count);
}

test(`P1, P3, G23: ${cycles} rolling restarts under load behind nginx, and nothing fails, and no stream ends unsaid`, {
  timeout: 90_000 * cycles,
}, async (t) => {
  const llm = await openPacedLlm(t, { answerMs: 30, events: 20, everyMs: 30 });
  const rolling = await openRolling(t, { redis, llm: llm.url, drain });
  const wholes = load(() => rolling, 6);
  const streams = readStreams(rolling, 10);
  await more(wholes, 20);
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    for (const replica of rolling.replicas) {
      const ended = await replica.running.stop('SIGTERM');
      assert.equal(ended.code, 0, ended.err);
      await more(wholes, 10);
      await replica.start();
      await more(wholes, 10);
    }
  }
  await Promise.all([wholes.stop(), streams.stop()]);
  t.diagnostic(`${wholes.codes.length} answers and ${streams.ends.length} streams`);
  assert.deepEqual(
    wholes.codes.filter((code) => code !== 200),
    [],
  );
  assert.deepEqual(
    streams.ends.filter((end) => end !== 'done'),
    [],
  );
});

test('P2: a replica is killed: through nginx new requests are answered within a second', async (t) => {
  const llm = await openPacedLlm(t, { answerMs: 30, events: 20, everyMs: 30 });
  const rolling = await openRolling(t, { redis, llm: llm.url, drain });
  const [dying] = rolling.replicas;
  const wholes = load(() => rolling, 4);
  await more(wholes, 20);
  dying?.running.child.kill('SIGKILL');
  const killedMs = performance.now();
  const before = wholes.codes.length;
  await until('the next is answered', () => wholes.codes.slice(before).includes(200));
  t.diagnostic(`answered ${Math.round(performance.now() - killedMs)} ms after the kill`);
  await more(wholes, 30);
  await wholes.stop();
  // Those that were under way there are asked again by nginx: nobody saw a byte of their answers.
  assert.deepEqual(
    wholes.codes.filter((code) => code !== 200),
    [],
  );
});

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
