// U2: a server that is stopped, its connections open: it takes what it is sent, and says nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTestGateway } from '../gateway.ts';
import { createHeldClock } from '../held-clock.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { spawnLlm } from '../upstream/llm-process.ts';
import { type Call, openFaultRig, rigOf, until } from './rig.ts';

const whole: Call = { route: 'openai.chat' };
const isStoppable = process.platform !== 'win32';

test('U2: a whole answer that waits for a stopped server is given by another one', async (t) => {
  if (!isStoppable) return t.diagnostic('there is no SIGSTOP here');
  const { child, url } = await spawnLlm(t);
  const second = await openFakeLlm({ chunks: ['second'] });
  t.after(() => second.close());
  const clock = createHeldClock();
  const gateway = await openTestGateway({
    clock,
    config: {
      upstreams: {
        stopped: { type: 'openai', url: `${url}/v1`, slots: 8 },
        second: { type: 'openai', url: `${second.url}/v1`, slots: 8 },
      },
      models: {
        o: {
          targets: [
            { upstream: 'stopped', model: 'fake-model' },
            { upstream: 'second', model: 'fake-model', tier: 2 },
          ],
          clocks: { connectMs: 60_000, firstTokenMs: 60_000 },
        },
      },
      telemetry: { logs: { level: 'debug' } },
    },
  });
  t.after(() => gateway.close());
  const rig = rigOf(second, gateway);
  const { health, scheduler } = gateway.gateway.lasting;
  const stopped = gateway.gateway.snapshot.upstreams.find(({ name }) => name === 'stopped');
  assert.ok(stopped);
  // With a connection that is kept, the request is sent at once.
  assert.match((await rig.ask(whole)).head, /^x-millrace-target: stopped/m);
  await until('it is up', () => health.of(stopped).state === 'up');

  child.kill('SIGSTOP');
  const reply = rig.ask(whole);
  await until('it waits', () => scheduler.inFlight(stopped) === 1);
  const sentMs = clock.now();
  let answeredMs = 0;
  void reply.then(() => {
    answeredMs = clock.now() - sentMs;
  });
  await until('it is answered', () => {
    // Slow enough for the good server, whose listings take real time.
    if (answeredMs === 0) clock.advance(200);
    return answeredMs > 0;
  });
  assert.match((await reply).head, /^HTTP\/1\.1 200/);
  assert.match((await reply).head, /^x-millrace-target: second/m);
  assert.match((await reply).content.toString(), /"content":"second"/);
  assert.equal(health.of(stopped).state, 'down');
  assert.ok(answeredMs <= 10_000, `it took ${answeredMs} ms`);
  const failed = gateway.lines.filter((line) => line.endsWith('an attempt failed'));
  assert.equal(failed.length, 1);
  assert.match(failed[0] ?? '', /"upstream":"stopped".*"code":"first_token_timeout"/);

  // Who comes next is not sent there at all; who it serves again brings it back.
  assert.match((await rig.ask(whole)).head, /^x-millrace-target: second/m);
  child.kill('SIGCONT');
  await until('it lists its models again', () => {
    clock.advance(200);
    return health.of(stopped).failures < 3;
  });
});

test('U2: a hung server whose clients always leave before its first word is left out all the same', async (t) => {
  const clock = createHeldClock();
  const rig = await openFaultRig(t, {
    clock,
    config: { health: { everyMs: 3_600_000 } },
    clocks: { firstTokenMs: 60_000 },
  });
  const { health } = rig.gateway.gateway.lasting;
  const hung = rig.gateway.gateway.snapshot.upstreams.find(({ name }) => name === 'openai');
  assert.ok(hung);
  // Whatever it is asked: as soon as it is left out it is asked how it is, and would be tried again.
  rig.llm.behave({ stallBeforeHead: true, only: /^/ });
  const leaveAfter = async (waitMs: number) => {
    const asked = rig.llm.requests.length;
    const client = rig.send({ route: 'openai.chat', stream: true });
    await until('it is asked', () => rig.llm.requests.length > asked);
    clock.advance(waitMs);
    const ended = rig.exchanges().length;
    client.socket.destroy();
    await until('the client is gone', () => rig.exchanges().length > ended);
  };
  for (let count = 0; count < 6; count += 1) await leaveAfter(9_000);
  assert.equal(health.of(hung).standing, 'closed');
  for (let count = 0; count < 5; count += 1) await leaveAfter(11_000);
  assert.deepEqual([health.of(hung).standing, health.isSilent(hung)], ['open', true]);
});
