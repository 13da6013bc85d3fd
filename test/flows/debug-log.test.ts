/** What `debug` tells that the line of each exchange does not, and `info` keeps to itself. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openTestGateway } from '../gateway.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';

const said = 'the moon is a canary';

async function openRig(t: TestContext, level: 'info' | 'debug') {
  const llm = await openFakeLlm();
  const broken = await openFakeLlm();
  t.after(() => Promise.all([llm.close(), broken.close()]));
  broken.behave({ status: 500 });
  const config = (names: readonly string[]) => ({
    telemetry: { logs: { level } },
    upstreams: Object.fromEntries(
      names.map((name) => [name, { type: 'openai', url: `${(name === 'broken' ? broken : llm).url}/v1` }]),
    ),
    models: { m: { targets: names.map((upstream) => ({ upstream, model: 'fake-model' })) } },
  });
  const gateway = await openTestGateway({ config: config(['broken', 'good']) });
  t.after(() => gateway.close());
  return { gateway, config };
}

async function ask({ url, key }: { url: string; key: string }): Promise<string | null> {
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: said }] }),
  });
  assert.equal(answer.status, 200, await answer.text());
  return answer.headers.get('x-millrace-id');
}

test('debug tells of an attempt that failed, of listings and of what a reload opens and leaves', async (t) => {
  const { gateway, config } = await openRig(t, 'debug');
  const id = await ask(gateway);
  const failed = gateway.lines.filter((line) => line.endsWith(' an attempt failed'));
  assert.equal(failed.length, 1, gateway.lines.join('\n'));
  const [line = ''] = failed;
  assert.match(
    line,
    new RegExp(`"id":"${id}","upstream":"broken","model":"fake-model","code":"upstream_failed"`),
  );
  assert.match(line, /"message":"[^"]+","cause":"the upstream said: [^"]+"/);
  await gateway.reload(config(['good']));
  const taken = gateway.lines.find((text) => text.includes('new requests go by the new configuration'));
  assert.match(taken ?? '', /"opened":\[\],"left":\["broken#[0-9a-f]+"\]/);
  const listings = () =>
    gateway.lines.filter((text) => text.includes('list its models') || text.includes('lists its models'));
  await t.waitFor(() => assert.ok(listings().length > 0));
  assert.match(listings().join('\n'), /"upstream":"(?:good|broken)","tookMs":\d+/);
  assert.ok(!gateway.lines.some((text) => text.includes(said) || text.includes(gateway.key)));
});

test('info tells of none of these', async (t) => {
  const { gateway, config } = await openRig(t, 'info');
  await ask(gateway);
  await gateway.reload(config(['good']));
  assert.deepEqual(
    gateway.lines.filter((line) => !line.includes('openai.chat')),
    [],
  );
});
