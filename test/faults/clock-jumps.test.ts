// P8: the wall clock jumps; durations, waits and rates do not notice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { type Call, openFaultRig, until } from './rig.ts';

/** The real clock, with a wall that someone sets. */
function jumpyClock(): Clock & { jump(ms: number): void } {
  let offsetMs = 0;
  return {
    ...systemClock,
    wall: () => Date.now() + offsetMs,
    jump: (ms) => {
      offsetMs += ms;
    },
  };
}

const hourMs = 3_600_000;
const jumps: Readonly<Record<string, number>> = {
  'an hour ahead': hourMs,
  'an hour back': -hourMs,
  'a day ahead': 24 * hourMs,
  'a second back': -1_000,
  'to before 1970': -100 * 365 * 24 * hourMs,
};
const stream: Call = { route: 'openai.chat', stream: true };

for (const [name, ms] of Object.entries(jumps)) {
  test(`P8: when the clock jumps ${name}, streams go on, waits keep their length, and no duration is negative`, async (t) => {
    const clock = jumpyClock();
    const rig = await openFaultRig(t, {
      clock,
      behaviour: { firstTokenMs: 60, tokensPerSecond: 40 },
      clocks: { idleMs: 500, firstTokenMs: 500, totalMs: 2_000, queueMs: 1_000 },
      upstream: { slots: 1 },
    });
    const streaming = rig.ask(stream);
    const queued = rig.ask(stream);
    await rig.llm.waitForRequest(({ method }) => method === 'POST');
    clock.jump(ms);
    for (const reply of await Promise.all([streaming, queued])) {
      assert.match(reply.content.toString(), /\[DONE\]/);
    }
    await until('the spool has them', async () => rig.exchanges().length >= 2);
    for (const row of rig.exchanges()) {
      assert.equal(row.outcome, 'complete');
      assert.ok(row.tookMs >= 0 && row.tookMs < 2_000, `it took ${row.tookMs} ms`);
    }
    const { health } = rig.gateway.gateway.lasting;
    for (const upstream of rig.gateway.gateway.snapshot.upstreams)
      assert.notEqual(health.of(upstream).state, 'down');
  });
}

test('P8: a silent upstream is found out in its time, whatever the wall says', async (t) => {
  const clock = jumpyClock();
  const rig = await openFaultRig(t, { clock, behaviour: { stallAfterChunks: 1 }, clocks: { idleMs: 300 } });
  const client = rig.send(stream);
  await client.received(1);
  const startedAt = performance.now();
  clock.jump(-24 * hourMs);
  const reply = await client.reply();
  assert.match(reply.content.toString(), /"code":"idle_timeout"/);
  assert.ok(performance.now() - startedAt < 1_000);
});
