// P9, G24: reloads under load, good ones and bad ones: nobody's request fails for it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { ConfigError } from '../../src/config/problem.ts';
import { openTestGateway } from '../gateway.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { type Call, rigOf, until } from './rig.ts';

const whole: Call = { route: 'openai.chat' };
const stream: Call = { route: 'openai.chat', stream: true };

const bad: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'an unknown key': { upstrems: {} },
  'an upstream that does not exist': { models: { o: { targets: [{ upstream: 'nobody', model: 'm' }] } } },
  'a wrong type': { models: [] },
  'a negative number': { queue: { places: -1 } },
  'an empty list of targets': { models: { o: { targets: [] } } },
  'a secret that is gone': {
    upstreams: { a: { type: 'openai', url: 'http://127.0.0.1:1/v1', key: 'env:GONE' } },
  },
  'a URL of another kind': { upstreams: { a: { type: 'openai', url: 'file:///etc/passwd' } } },
  'a part that is not built yet': { cache: { memory: '1MiB' } },
};

test('P9, G24: a storm of good and bad reloads under load fails no request and loses no stream', async (t) => {
  const llm = await openFakeLlm({ firstTokenMs: 5, tokensPerSecond: 200 });
  t.after(() => llm.close());
  const config = (slots: number) => ({
    upstreams: { a: { type: 'openai', url: `${llm.url}/v1`, slots } },
    models: { o: { targets: [{ upstream: 'a', model: 'fake-model' }] } },
  });
  const gateway = await openTestGateway({ config: config(2) });
  t.after(() => gateway.close());
  const rig = rigOf(llm, gateway);
  let stopped = false;
  let served = 0;
  const client = async (call: Call) => {
    while (!stopped) {
      const reply = await rig.ask(call);
      assert.match(reply.head, /^HTTP\/1\.1 200/, reply.content.toString());
      if (call.stream === true) assert.match(reply.content.toString(), /\[DONE\]/);
      served += 1;
    }
  };
  // More clients than slots: there is always someone in the queue when the upstream is exchanged.
  const clients = Promise.all([whole, whole, whole, stream, stream, stream].map(client));
  for (let round = 0; round < 60; round += 1) {
    const id = gateway.gateway.snapshot.id;
    const [[what, wrong]] = [Object.entries(bad)[round % Object.keys(bad).length] ?? ['', {}]];
    await assert.rejects(gateway.reload({ ...config(2), ...wrong }), ConfigError, what);
    assert.equal(gateway.gateway.snapshot.id, id, `${what} changes nothing`);
    await gateway.reload(config(2 + (round % 3)));
    await setTimeout(5);
  }
  stopped = true;
  await clients;
  t.diagnostic(`${served} requests were served over 60 reloads`);
  assert.ok(served > 30);
  await rig.quiet();
  assert.equal(await rig.metric('millrace_exchanges_total', { outcome: 'failed' }), 0);
});

test('P9, G24: a stream ends with the upstream it began with, after a reload has let go of it', async (t) => {
  const one = await openFakeLlm({
    firstTokenMs: 5,
    tokensPerSecond: 40,
    chunks: ['a', 'b', 'c', 'd', 'e', 'f'],
  });
  const other = await openFakeLlm({ chunks: ['other'] });
  t.after(() => Promise.all([one.close(), other.close()]));
  const config = (llm: typeof one) => ({
    upstreams: { a: { type: 'openai', url: `${llm.url}/v1`, slots: 1 } },
    models: { o: { targets: [{ upstream: 'a', model: 'fake-model' }] } },
  });
  const gateway = await openTestGateway({ config: config(one) });
  t.after(() => gateway.close());
  const rig = rigOf(one, gateway);
  const running = rig.send(stream);
  await running.received(1);
  const queued = rig.send(stream);
  await until('one waits', () => gateway.gateway.lasting.scheduler.waiting === 1);
  await gateway.reload(config(other));
  assert.match((await rig.ask(stream)).content.toString(), /other/);
  for (const client of [running, queued]) {
    const text = (await client.reply()).content.toString();
    assert.match(text, /"content":"f".*\[DONE\]/s, text);
  }
  await until('the old connections are gone', () => one.openConnections() === 0);
});
