import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerTo, hello, optionsOf, Recorder, simulatorRig } from '../../../test/simulator-rig.ts';
import { systemClock } from '../../lib/clock.ts';
import { createSimulator } from './engine.ts';

test('tokens come at the configured pace: the first after firstTokenMs, one each 20 ms at 50 a second', async () => {
  const { ask, taken, clock } = simulatorRig({ firstTokenMs: 200, tokensPerSecond: 50 });
  const { recorder } = ask({ ...hello, stream: true });
  await taken();
  assert.deepEqual(recorder.events, ['sent']);
  clock.advance(199);
  assert.deepEqual(recorder.events, ['sent']);
  clock.advance(1);
  assert.deepEqual(recorder.events, ['sent', 'head', 'data']);
  clock.advance(19);
  assert.equal(recorder.chunks.length, 1);
  clock.advance(1);
  assert.equal(recorder.chunks.length, 2);
  clock.advance(100);
  assert.equal(recorder.chunks.length, 7);
  assert.equal(clock.pending, 1);
});

test('a whole answer takes as long as its tokens would', async () => {
  const { ask, taken, clock } = simulatorRig({ firstTokenMs: 100, tokensPerSecond: 10 });
  const { recorder } = ask({ ...hello, max_tokens: 5 });
  await taken();
  clock.advance(499);
  assert.deepEqual(recorder.events, ['sent']);
  clock.advance(1);
  assert.deepEqual(recorder.events, ['sent', 'head', 'data', 'end']);
});

test('more requests than slots wait their turn, and beyond the queue they are refused with 503', async () => {
  const { ask, taken, clock } = simulatorRig({ slots: 1, firstTokenMs: 10, tokensPerSecond: 0 });
  const all = Array.from({ length: 258 }, () => ask({ ...hello, max_tokens: 1 }).recorder);
  await taken();
  clock.advance(0);
  const refused = all.filter((recorder) => recorder.status === 503);
  assert.deepEqual(refused, [all[257]]);
  assert.equal(refused[0]?.headers['retry-after'], '1');
  assert.equal(refused[0]?.json.error.code, 'upstream_overloaded');
  clock.advance(10);
  assert.equal(all[0]?.status, 200);
  assert.equal(all[1]?.status, 0);
  clock.advance(2560);
  assert.ok(all.slice(0, 257).every((recorder) => recorder.status === 200));
});

test('who aborts is told nothing more, holds no timer, and frees the slot at once, also while waiting', async () => {
  const { ask, taken, clock } = simulatorRig({ slots: 1, firstTokenMs: 10 });
  const first = ask({ ...hello, stream: true });
  const second = ask(hello);
  const third = ask(hello);
  await taken();
  clock.advance(10);
  second.flow.abort();
  first.flow.abort();
  const seen = [...first.recorder.events];
  assert.equal(clock.pending, 1);
  clock.advance(60_000);
  assert.deepEqual(first.recorder.events, seen);
  assert.deepEqual(second.recorder.events, ['sent']);
  assert.equal(third.recorder.status, 200);
  assert.equal(clock.pending, 0);
});

test('who aborts before the request was taken up is not served at all', async () => {
  const { ask, taken, clock } = simulatorRig();
  const { recorder, flow } = ask(hello);
  flow.abort();
  await taken();
  clock.advance(60_000);
  assert.deepEqual(recorder.events, []);
});

test('a paused stream sends nothing, and on resuming all that came due', async () => {
  const { ask, taken, clock } = simulatorRig({ firstTokenMs: 0, tokensPerSecond: 100 });
  const { recorder, flow } = ask({ ...hello, stream: true, max_tokens: 20 });
  await taken();
  clock.advance(0);
  flow.pause();
  assert.equal(clock.pending, 0);
  clock.advance(10_000);
  assert.equal(recorder.chunks.length, 1);
  flow.resume();
  flow.resume();
  assert.equal(clock.pending, 1);
  clock.advance(0);
  assert.equal(recorder.events.at(-1), 'end');
  assert.equal(recorder.chunks.length, 21);
});

test('a receiver that pauses at every chunk gets every byte once, and the end only after it resumed', async () => {
  const { ask, taken, clock } = simulatorRig({ firstTokenMs: 0, tokensPerSecond: 0 });
  const { recorder, flow } = ask({ ...hello, stream: true, ignore_eos: true, max_tokens: 100 });
  recorder.onData = () => flow.pause();
  await taken();
  let turns = 0;
  while (recorder.chunks.length < 101) {
    turns += 1;
    assert.ok(turns < 10);
    clock.advance(0);
    assert.equal(recorder.events.at(-1), 'data');
    assert.equal(clock.pending, 0);
    flow.resume();
  }
  clock.advance(0);
  assert.equal(recorder.events.at(-1), 'end');
  assert.equal(recorder.chunks.length, 101);
  assert.ok(turns >= 4);
});

test('at full speed other work gets its turn between the chunks of a long answer', async () => {
  const simulator = createSimulator(optionsOf({ firstTokenMs: 0, tokensPerSecond: 0 }), systemClock);
  const recorder = new Recorder();
  let turns = 0;
  const count = setInterval(() => {
    turns += 1;
  }, 1);
  const body = JSON.stringify({
    model: 'simulator',
    ...hello,
    stream: true,
    ignore_eos: true,
    max_tokens: 1000,
  });
  simulator.send({ method: 'POST', path: '/chat/completions', headers: [], body }, recorder);
  await recorder.over;
  clearInterval(count);
  assert.equal(recorder.chunks.length, 1001);
  assert.ok(turns > 1);
  await simulator.close();
});

test('the first request waits for the model to load, those beside it wait less, one after idling waits again', async () => {
  const { ask, taken, clock } = simulatorRig({
    loadMs: 1000,
    unloadAfterMs: 5000,
    firstTokenMs: 0,
    tokensPerSecond: 0,
  });
  const first = ask(hello).recorder;
  await taken();
  clock.advance(600);
  const second = ask(hello).recorder;
  await taken();
  clock.advance(399);
  assert.equal(first.status, 0);
  clock.advance(1);
  assert.equal(first.status, 200);
  assert.equal(second.status, 200);
  clock.advance(4999);
  const third = ask(hello).recorder;
  await taken();
  clock.advance(0);
  assert.equal(third.status, 200);
  clock.advance(5000);
  const fourth = ask(hello).recorder;
  await taken();
  clock.advance(999);
  assert.equal(fourth.status, 0);
  clock.advance(1);
  assert.equal(fourth.status, 200);
});

test('failures are the same in every run: a status, a cut half-way, a silence that ends with the abort', async () => {
  const failing = (kind: 'status' | 'cut' | 'stall') => ({ failureRate: 1, failures: [kind] }) as const;
  const status = await answerTo(hello, failing('status'));
  assert.equal(status.status, 500);
  assert.match(status.json.error.message, /as it was told to/);

  const cut = await answerTo({ ...hello, stream: true }, failing('cut'));
  assert.equal(cut.failure?.code, 'upstream_cut');
  assert.ok(cut.chunks.length > 1);
  assert.ok(!cut.text.includes('[DONE]'));
  const cutWhole = await answerTo(hello, failing('cut'));
  assert.equal(cutWhole.failure?.code, 'upstream_cut');
  assert.throws(() => cutWhole.json);

  const { ask, taken, clock } = simulatorRig({ ...failing('stall'), slots: 1 });
  const stalled = ask({ ...hello, stream: true });
  const waiting = ask(hello);
  await taken();
  clock.advance(3_600_000);
  assert.ok(stalled.recorder.chunks.length > 1);
  assert.equal(stalled.recorder.events.at(-1), 'data');
  assert.equal(waiting.recorder.status, 0);
  stalled.flow.abort();
  clock.advance(3_600_000);
  assert.equal(waiting.recorder.status, 200);

  const outcomes = async () => {
    const other = simulatorRig({ failureRate: 0.5, failures: ['status'], slots: 100 });
    const recorders = Array.from({ length: 100 }, () => other.ask(hello).recorder);
    await other.taken();
    other.clock.advance(60_000);
    return recorders.map((recorder) => recorder.status);
  };
  const once = await outcomes();
  assert.deepEqual(await outcomes(), once);
  const failed = once.filter((code) => code === 500).length;
  assert.ok(failed > 30 && failed < 70, `${failed} of 100 failed`);
});

test('jitter varies the pace within its bounds, and the same way every time', async () => {
  const arrivals = async () => {
    const { ask, taken, clock } = simulatorRig({ jitter: 0.5, firstTokenMs: 100, tokensPerSecond: 10 });
    const { recorder } = ask({ ...hello, stream: true, max_tokens: 10 });
    const times: number[] = [];
    recorder.onData = () => times.push(clock.now());
    await taken();
    clock.advance(60_000);
    return times;
  };
  const times = await arrivals();
  assert.deepEqual(await arrivals(), times);
  const gaps = times.map((time, index) => time - (times[index - 1] ?? 0));
  assert.ok(gaps.every((gap) => gap >= 50 - 1e-6 && gap <= 150 + 1e-6));
  assert.ok(new Set(gaps.map(Math.round)).size > 3);
});

test('what it does not have is refused as an upstream would: paths, methods, models, broken bodies', async () => {
  const simulator = createSimulator(optionsOf(), systemClock);
  const send = async (method: 'GET' | 'POST', path: string, body?: string) => {
    const recorder = new Recorder();
    simulator.send({ method, path, headers: [], ...(body === undefined ? {} : { body }) }, recorder);
    await recorder.over;
    return recorder;
  };
  const models = await send('GET', '/v1/models');
  assert.deepEqual(
    models.json.data.map((model: { id: string }) => model.id),
    ['simulator'],
  );
  assert.equal((await send('GET', '/models')).status, 200);
  assert.equal((await send('POST', '/v1/images')).status, 404);
  assert.equal((await send('GET', '/v1/chat/completions')).status, 405);
  assert.equal((await send('POST', '/v1/chat/completions', '{')).json.error.code, 'invalid_json');
  assert.equal((await send('POST', '/v1/chat/completions', '[]')).status, 400);
  const other = await send('POST', '/v1/chat/completions', JSON.stringify({ ...hello, model: 'gpt' }));
  assert.equal(other.status, 404);
  assert.equal(other.json.error.code, 'model_not_found');
  const probable = await send(
    'POST',
    '/v1/chat/completions',
    JSON.stringify({ ...hello, model: 'simulator', logprobs: true }),
  );
  assert.equal(probable.json.error.param, 'logprobs');
  await simulator.close();
});

test('closing lets what runs end, breaks off what would be silent for ever, and refuses what comes later', async () => {
  const { ask, taken, clock, close } = simulatorRig({ failureRate: 0.5, failures: ['stall'], slots: 20 });
  const recorders = Array.from({ length: 20 }, () => ask({ ...hello, stream: true }).recorder);
  await taken();
  clock.advance(300);
  let closed = false;
  const closing = close().then(() => {
    closed = true;
  });
  const late = ask(hello).recorder;
  await late.over;
  assert.equal(late.failure?.code, 'connect_failed');
  assert.equal(closed, false);
  clock.advance(60_000);
  await closing;
  const ends = recorders.map((recorder) => recorder.events.at(-1));
  assert.ok(ends.includes('end') && ends.includes('fail'));
  assert.ok(ends.every((end) => end === 'end' || end === 'fail'));
  assert.equal(clock.pending, 0);
});
