// What only OpenAI's family understands passes to it byte by byte, and is refused by name where it would be lost.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTestGateway } from '../gateway.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';

const audio = { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } };
const custom = { type: 'custom', custom: { name: 'shell', description: 'runs a line' } };

const cases = [
  {
    path: '/v1/chat/completions',
    field: /content\[0\]/,
    body: { messages: [{ role: 'user', content: [audio] }] },
  },
  {
    path: '/v1/chat/completions',
    field: /tools\[0\]/,
    body: { messages: [{ role: 'user', content: 'hi' }], tools: [custom] },
  },
  { path: '/v1/completions', field: /prompt/, body: { prompt: [1, 2, 3] } },
];

for (const { path, field, body } of cases) {
  test(`${JSON.stringify(body).slice(0, 60)}… passes to OpenAI's dialect and is refused for Ollama's`, async (t) => {
    const llm = await openFakeLlm();
    t.after(() => llm.close());
    const gateway = await openTestGateway({
      config: {
        upstreams: {
          same: { type: 'openai', url: `${llm.url}/v1` },
          other: { type: 'ollama', url: llm.url },
        },
        models: {
          same: { targets: [{ upstream: 'same', model: 'same' }] },
          other: { targets: [{ upstream: 'other', model: 'fake-model' }] },
        },
      },
    });
    t.after(() => gateway.close());
    const send = async (model: string) => {
      const response = await fetch(`${gateway.url}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model, ...body }),
      });
      return { status: response.status, text: await response.text() };
    };
    assert.equal((await send('same')).status, 200);
    const seen = llm.requests.find((request) => request.method === 'POST');
    assert.deepEqual(seen?.json, { model: 'same', ...body });
    const refused = await send('other');
    assert.equal(refused.status, 400);
    assert.match(JSON.parse(refused.text).error.param, field);
  });
}
