// The memory of the fake LLM server: what it holds, and what has to leave.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ollama } from 'ollama';
import { openFakeLlm } from './fake-llm.ts';

test('a fake server loads what it is asked for, and what was used longest ago makes room', async (t) => {
  const llm = await openFakeLlm({ models: ['one', 'two', 'my-embed'], residentMax: 1, gpuShare: 0.5 });
  t.after(() => llm.close());
  const client = new Ollama({ host: llm.url });
  assert.deepEqual((await client.ps()).models, []);
  const ask = (model: string) => client.generate({ model, prompt: 'hi' });
  await ask('one');
  await ask('one');
  await ask('two');
  assert.deepEqual(llm.loads, ['one:latest', 'two:latest']);
  const [only, ...others] = (await client.ps()).models;
  assert.deepEqual([only?.name, only?.size, only?.size_vram, others.length], ['two:latest', 1e6, 5e5, 0]);
  await client.generate({ model: 'two', prompt: '', keep_alive: 0 });
  assert.deepEqual(llm.residents, []);
  await assert.rejects(ask('my-embed'), /does not support generate/);
  await client.embed({ model: 'my-embed', input: [] });
  assert.deepEqual(llm.residents, ['my-embed:latest']);
});
