/** The gateway's own names in the operator's verbs: they change servers, which know nothing of such names. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorOf, openOllamaFleet } from './ollama-fleet.ts';

interface Asking {
  readonly method?: 'DELETE';
  readonly verb: string;
  readonly json: Readonly<Record<string, unknown>>;
}

const changes = (name: string): readonly Asking[] => [
  { verb: 'pull', json: { model: name } },
  { verb: 'pull', json: { name, upstreams: ['gpu-a'] } },
  { verb: 'push', json: { model: name } },
  { verb: 'create', json: { model: name, from: 'llama' } },
  { verb: 'create', json: { model: 'mine', from: name } },
  { verb: 'create', json: { model: 'mine', modelfile: `FROM ${name}` } },
  { verb: 'copy', json: { source: name, destination: 'mine' } },
  { verb: 'copy', json: { source: 'llama', destination: name } },
  { method: 'DELETE', verb: 'delete', json: { model: name } },
];

test('a verb that changes models refuses an alias in words that name the real model, and reaches no server', async () => {
  await using fleet = await openOllamaFleet();
  for (const { method = 'POST', verb, json } of changes('assistant')) {
    const response = await fleet.request(method, `/api/${verb}`, { json });
    assert.equal(response.status, 400, verb);
    const says = await errorOf(response);
    assert.match(says, /"assistant" is the gateway's own name for llama on gpu-a, so name the model/, verb);
    assert.match(says, /a server's own model of that name is "assistant:latest"/, verb);
  }
  const remote = await fleet.request('POST', '/api/pull', { json: { model: 'trial' } });
  assert.match(await errorOf(remote), /for simulator on sim, which no Ollama server keeps/);
  const changed = [...fleet.a.requests, ...fleet.b.requests].filter(({ method }) => method !== 'GET');
  assert.deepEqual(changed, []);
});

test('with its tag the name is the server’s own, and is changed there', async () => {
  await using fleet = await openOllamaFleet();
  await fleet.client.copy({ source: 'llama', destination: 'assistant:latest' });
  assert.ok((await fleet.client.list()).models.some(({ name }) => name === 'assistant:latest'));
  await fleet.client.delete({ model: 'assistant:latest' });
  assert.ok(!(await fleet.client.list()).models.some(({ name }) => name === 'assistant:latest'));
});

test('a configured name that its Ollama server knows as well is no alias: it may be pulled and deleted', async () => {
  const models = {
    fresh: { targets: [{ upstream: 'gpu-a', model: 'fresh:latest' }] },
    'qwen:7b': {
      targets: [
        { upstream: 'sim', model: 'simulator' },
        { upstream: 'gpu-b', model: 'qwen:7b' },
      ],
    },
  };
  await using fleet = await openOllamaFleet({ models });
  const upstreams = ['gpu-a'];
  const pulled = await fleet.request('POST', '/api/pull', { json: { model: 'fresh', upstreams } });
  assert.match(await pulled.text(), /"success"/);
  assert.equal((await fleet.request('DELETE', '/api/delete', { json: { model: 'qwen:7b' } })).status, 200);
});
