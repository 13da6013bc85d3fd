import assert from 'node:assert/strict';
import { test } from 'node:test';
import { providers } from './registry.ts';

const listed: ReadonlyArray<readonly [owner: string | undefined, goesOn: boolean]> = [
  ['vllm', true],
  ['llamacpp', true],
  ['sglang', true],
  ['system', false],
  ['openai', false],
  [undefined, false],
];

test('of servers that speak OpenAI, those go on with an answer that told what they are', () => {
  for (const [owner, goesOn] of listed) {
    const described = owner === undefined ? undefined : { id: 'm', owned_by: owner };
    assert.equal(providers.openai.adapter.goesOn('m', described), goesOn, String(owner));
  }
});

test('an Ollama goes on with an answer, but for models whose format leaves no message open', () => {
  for (const name of ['llama3.1:8b', 'qwen3', 'someone/gemma3:4b', 'gpt-osswald']) {
    assert.equal(providers.ollama.adapter.goesOn(name, undefined), true, name);
  }
  for (const name of ['gpt-oss', 'gpt-oss:20b', 'someone/gpt-oss-safeguard:120b']) {
    assert.equal(providers.ollama.adapter.goesOn(name, undefined), false, name);
  }
});
