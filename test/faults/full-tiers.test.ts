// G14, G17: a tier that is full for too long cannot serve, and the next one may.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openTestGateway } from '../gateway.ts';
import { createHeldClock } from '../held-clock.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { wantOf } from '../wants.ts';
import { type Call, rigOf, until } from './rig.ts';

const stream: Call = { route: 'openai.chat', stream: true };
const whole: Call = { route: 'openai.chat' };

/** The only slot of the first tier is taken. */
async function openFull(t: TestContext, queue: { places: number }) {
  const first = await openFakeLlm({ stallBeforeHead: true });
  const second = await openFakeLlm({ chunks: ['second'] });
  t.after(() => Promise.all([first.close(), second.close()]));
  const clock = createHeldClock();
  const gateway = await openTestGateway({
    clock,
    config: {
      upstreams: {
        first: { type: 'openai', url: `${first.url}/v1`, slots: 1 },
        second: { type: 'openai', url: `${second.url}/v1`, slots: 1 },
      },
      models: {
        o: {
          targets: [
            { upstream: 'first', model: 'fake-model' },
            { upstream: 'second', model: 'fake-model', tier: 2 },
          ],
          clocks: { queueMs: 30_000 },
        },
      },
      queue,
    },
  });
  t.after(() => gateway.close());
  const rig = rigOf(second, gateway);
  const { scheduler } = gateway.gateway.lasting;
  const targets = gateway.gateway.snapshot.models.find('o')?.targets ?? [];
  const taken = scheduler.take(wantOf(targets));
  assert.equal(taken?.target.upstream.name, 'first');
  return { rig, clock, scheduler, targets };
}

test('G14: who has waited for the first tier long enough is served by the next one', async (t) => {
  const { rig, clock, scheduler } = await openFull(t, { places: 8 });
  const reply = rig.ask(whole);
  await until('it waits', () => scheduler.waiting === 1);
  clock.advance(29_999);
  assert.equal(scheduler.waiting, 1);
  clock.advance(1);
  assert.match((await reply).head, /^HTTP\/1\.1 200/);
  assert.match((await reply).head, /^x-millrace-target: second/m);
});

test('G14: where the queue is full the next tier serves at once, and the refusal stands when that is full as well', async (t) => {
  const { rig, scheduler, targets } = await openFull(t, { places: 0 });
  assert.match((await rig.ask(stream)).head, /^x-millrace-target: second/m);
  const second = scheduler.take(wantOf(targets.filter(({ tier }) => tier === 2)));
  assert.equal(second?.target.upstream.name, 'second');
  const refused = await rig.ask(stream);
  assert.match(refused.head, /^HTTP\/1\.1 429/);
  assert.match(refused.content.toString(), /all 0 places in the queue are taken/);
});
