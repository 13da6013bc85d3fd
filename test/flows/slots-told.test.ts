/** A server that tells its slots gets as many requests at once, without a word in the configuration. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { openTestGateway } from '../gateway.ts';

const answer = JSON.stringify({
  choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
});

async function openLlamacpp(t: TestContext) {
  const answering: ServerResponse[] = [];
  const replies: Readonly<Record<string, string>> = {
    '/gpu/v1/models': JSON.stringify({ data: [{ id: 'm', owned_by: 'llamacpp' }] }),
    '/gpu/props': JSON.stringify({ total_slots: 2 }),
  };
  const server = createServer((request, response) => {
    const reply = replies[request.url ?? ''];
    if (reply === undefined) answering.push(response);
    else response.end(reply);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { answering, url: `http://127.0.0.1:${port}/gpu/v1` };
}

test('llama.cpp in the configuration without `slots` is asked: the third request waits for its second slot', async (t) => {
  const { answering, url } = await openLlamacpp(t);
  const gateway = await openTestGateway({ config: { upstreams: { gpu: { type: 'openai', url } } } });
  t.after(() => gateway.close());
  const { scheduler } = gateway.gateway.lasting;
  const [upstream] = gateway.gateway.snapshot.upstreams;
  assert.ok(upstream);
  await t.waitFor(() => assert.equal(scheduler.limitOf(upstream), 2));
  const asked = Array.from({ length: 3 }, () =>
    fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }] }),
    }),
  );
  await t.waitFor(() => assert.deepEqual([answering.length, scheduler.waiting], [2, 1]));
  answering[0]?.end(answer);
  await t.waitFor(() => assert.deepEqual([answering.length, scheduler.waiting], [3, 0]));
  for (const response of answering.slice(1)) response.end(answer);
  assert.deepEqual(
    (await Promise.all(asked)).map(({ status }) => status),
    [200, 200, 200],
  );
});
