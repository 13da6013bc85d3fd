// U2, U3, G17: a server that says nothing to anybody is found out in seconds, and who waits there is sent elsewhere.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createHeldClock } from '../held-clock.ts';
import { type FleetRigOptions, openFleetRig } from './fleet-rig.ts';
import { type Call, until } from './rig.ts';

const whole: Call = { route: 'openai.chat' };
const stream: Call = { route: 'openai.chat', stream: true };
/** It is there no more, for whatever it is asked. */
const gone = { stallBeforeHead: true, only: /^/ };
/** It works on a long prompt, and says how it is. */
const busy = { stallBeforeHead: true };
/** As the defaults have it: the longest pause between two questions, and the time of both. */
const knownMsMax = 10_000;

/** `a` goes first, and the others only where it cannot. */
async function openRig(t: TestContext, options: Partial<FleetRigOptions> = {}) {
  const clock = createHeldClock();
  const rig = await openFleetRig(t, { clock, names: ['a', 'b'], tiers: { b: 2 }, ...options });
  const { health, scheduler } = rig.gateway.gateway.lasting;
  const stateOf = (name: string) => health.of(rig.upstreamOf(name)).state;
  await until('all are up', () => ['a', 'b'].every((name) => stateOf(name) === 'up'));
  /** Slow enough for servers that do answer, which takes real time. */
  const untilLater = (what: string, isTrue: () => boolean) =>
    until(what, () => {
      if (!isTrue()) clock.advance(200);
      return isTrue();
    });
  const wait = async (ms: number) => {
    const untilMs = clock.now() + ms;
    await untilLater('time has passed', () => clock.now() >= untilMs);
  };
  const askAll = async (calls: readonly Call[]) => {
    const before = rig.callsOf('a');
    const replies = calls.map((call) => rig.ask(call));
    await until('they wait there', () => rig.callsOf('a') === before + calls.length);
    return replies;
  };
  const waitingAt = (name: string) => scheduler.inFlight(rig.upstreamOf(name));
  /** Those who wait are waited for by a clock that we hold. */
  const end = async () => {
    let isClosed = false;
    void rig.gateway.close().then(() => {
      isClosed = true;
    });
    await untilLater('it is closed', () => isClosed);
  };
  return { ...rig, clock, stateOf, untilLater, wait, askAll, waitingAt, end };
}

test('U2, G17: who waits for the first word of a server that says nothing is sent elsewhere within seconds, by the defaults', async (t) => {
  const { llmOf, askAll, clock, untilLater, stateOf, waitingAt, ask, callsOf } = await openRig(t);
  llmOf('a').behave(gone);
  const replies = await askAll([whole, stream]);
  const sinceMs = clock.now();
  await untilLater('nobody waits there', () => waitingAt('a') === 0);
  const tookMs = clock.now() - sinceMs;
  assert.ok(tookMs <= knownMsMax, `it took ${tookMs} ms`);
  for (const reply of await Promise.all(replies)) {
    assert.match(reply.head, /^HTTP\/1\.1 200/);
    assert.match(reply.head, /^x-millrace-target: b/m);
  }
  assert.equal(stateOf('a'), 'down');
  assert.deepEqual([callsOf('a'), callsOf('b')], [2, 2], 'each was sent twice');
  assert.match((await ask(whole)).head, /^x-millrace-target: b/m, 'who comes now is not sent there');
  assert.equal(callsOf('a'), 2);
});

test('U2, G17: a server that works on long prompts and says how it is keeps who waits there', async (t) => {
  const { llmOf, askAll, wait, waitingAt, stateOf, callsOf, untilLater } = await openRig(t);
  llmOf('a').behave(busy);
  const replies = await askAll([whole, stream]);
  await wait(40_000);
  assert.deepEqual([waitingAt('a'), stateOf('a'), callsOf('b')], [2, 'up', 0]);
  llmOf('a').behave(gone);
  await untilLater('they leave', () => waitingAt('a') === 0);
  await Promise.all(replies);
  assert.equal(callsOf('b'), 2);
});

test('U2, G17: while no server says anything nobody is taken off: our own way broke, or we did', async (t) => {
  const { llmOf, askAll, clock, wait, untilLater, waitingAt, callsOf, gateway } = await openRig(t, {
    config: { telemetry: { logs: { level: 'debug' } } },
  });
  const failed = () => gateway.lines.filter((line) => line.endsWith('an attempt failed')).length;
  for (const name of ['a', 'b']) llmOf(name).behave(gone);
  const [reply] = await askAll([whole]);
  await wait(30_000);
  assert.deepEqual([waitingAt('a'), callsOf('b'), failed()], [1, 0, 0]);
  llmOf('b').behave({ stallBeforeHead: false });
  const sinceMs = clock.now();
  await untilLater('it leaves', () => waitingAt('a') === 0);
  assert.ok(clock.now() - sinceMs <= 3 * knownMsMax, `it took ${clock.now() - sinceMs} ms`);
  assert.match((await reply)?.head ?? '', /^x-millrace-target: b/m);
});

test('U2: a gateway that stood still itself takes nobody off, and asks again', async (t) => {
  const { askAll, clock, wait, waitingAt, stateOf, llmOf, end } = await openRig(t);
  llmOf('a').behave(busy);
  const replies = await askAll([whole]);
  for (let times = 0; times < 5; times += 1) {
    clock.sleep(60_000);
    await wait(400);
    assert.deepEqual([waitingAt('a'), stateOf('a')], [1, 'up']);
  }
  await end();
  await Promise.allSettled(replies);
});

test('G17: no more leave a server than may be sent again, and the others wait on', async (t) => {
  const { llmOf, askAll, wait, waitingAt, callsOf, end } = await openRig(t);
  llmOf('a').behave(gone);
  const replies = await askAll(Array.from({ length: 20 }, () => whole));
  let answered = 0;
  for (const reply of replies) void reply.then(() => (answered += 1));
  await wait(knownMsMax);
  // Ten are saved up, and a fifth of those asked.
  assert.equal(waitingAt('a'), 6);
  await until('the others are answered elsewhere', () => answered === 14);
  assert.equal(callsOf('b'), 14);
  await end();
  const heads = (await Promise.all(replies)).map(({ head }) => head);
  assert.equal(heads.filter((head) => /^x-millrace-target: b/m.test(head)).length, 14);
});

for (const [what, config] of [
  ['it may be sent once only', { retries: { attempts: 1 } }],
  ['that counts for nothing', { health: { silentMs: 0 } }],
] as const) {
  test(`G17: nobody is taken off where ${what}`, async (t) => {
    const { llmOf, askAll, wait, waitingAt, end } = await openRig(t, { config });
    llmOf('a').behave(gone);
    await askAll([whole]);
    await wait(15_000);
    assert.equal(waitingAt('a'), 1);
    await end();
  });
}
