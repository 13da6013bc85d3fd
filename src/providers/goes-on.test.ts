import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { closedModels, type PrefillServer } from './closed-models.ts';
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
    for (const kind of ['chat', 'complete'] as const) {
      assert.equal(providers.openai.adapter.goesOn({ name: 'm', described }, kind), goesOn, String(owner));
    }
  }
});

const everywhere = ['ollama', 'vllm', 'sglang', 'llamacpp'] as const;
const openai = ['vllm', 'sglang', 'llamacpp'] as const;

/** Which servers do not go on with a chat of which models; `undefined` where all do. */
const names: ReadonlyArray<
  readonly [closedAt: readonly PrefillServer[] | undefined, names: readonly string[]]
> = [
  [everywhere, ['gpt-oss', 'gpt-oss:20b', 'openai/gpt-oss-120b', 'someone/gpt-oss-safeguard:120b']],
  [everywhere, ['glm-4.7:q8_0', 'zai-org/GLM-4.6-FP8']],
  [
    ['ollama', 'llamacpp'],
    ['gemma4:31b', 'google/gemma-4-E4B-it', '/models/gemma-4-26b.gguf'],
  ],
  [everywhere, ['nemotron-3-nano', 'nvidia/NVIDIA-Nemotron-3-Nano-30B']],
  [
    openai,
    ['Qwen/Qwen3-32B', '/models/Qwen3-8B-Q4_K_M.gguf', 'qwen3.5-27b', 'Qwen/Qwen3-30B-A3B-Thinking-2507'],
  ],
  [openai, ['Qwen/QwQ-32B', 'deepseek-ai/DeepSeek-R1-0528', 'unsloth/DeepSeek-R1-Distill-Qwen-32B']],
  [openai, ['mistralai/Magistral-Small-2507', 'moonshotai/Kimi-K2-Thinking', 'MiniMaxAI/MiniMax-M2']],
  [['vllm'], ['mistralai/Mistral-Small-3.2-24B-Instruct-2506', 'mistralai/Ministral-8B', 'devstral-small']],
  [['vllm'], ['deepseek-ai/DeepSeek-V4-Flash']],
  [
    ['ollama'],
    ['deepseek-v3.1:671b', 'glm-ocr', 'cogito-2.1', 'command-r', 'functiongemma', 'olmo-3:7b-think'],
  ],
  [
    undefined,
    ['llama3.1:8b', 'meta-llama/Llama-3.3-70B-Instruct', 'someone/gemma3:4b', 'google/gemma-3-27b-it'],
  ],
  [undefined, ['Qwen/Qwen3-4B-Instruct-2507', 'qwen3-coder:30b', 'Qwen/Qwen2.5-7B-Instruct', 'olmo-3:7b']],
  [undefined, ['gpt-osswald', 'phi4', 'not-mistral-at-all-7b', 'm', 'deepseek-v3']],
];

test('a chat is gone on with where the format of its model leaves a message of the assistant open', () => {
  for (const [closedAt = [], all] of names) {
    for (const name of all) {
      for (const server of everywhere) {
        const { adapter } = server === 'ollama' ? providers.ollama : providers.openai;
        const described = server === 'ollama' ? undefined : { id: name, owned_by: server };
        const goesOn = !closedAt.includes(server);
        assert.equal(adapter.goesOn({ name, described }, 'chat'), goesOn, `${name} at ${server}`);
        assert.equal(
          adapter.goesOn({ name, described }, 'complete'),
          true,
          `${name} as one text at ${server}`,
        );
      }
    }
  }
});

test('a model is known under any name that its server tells', () => {
  const vllm = (fields: object) => ({ name: 'ours', described: { id: 'ours', owned_by: 'vllm', ...fields } });
  assert.equal(providers.openai.adapter.goesOn(vllm({ root: 'openai/gpt-oss-20b' }), 'chat'), false);
  assert.equal(
    providers.openai.adapter.goesOn(vllm({ root: '/data/model', parent: 'Qwen/QwQ-32B' }), 'chat'),
    false,
  );
  assert.equal(providers.openai.adapter.goesOn(vllm({ root: 'meta-llama/Llama-3.1-8B' }), 'chat'), true);
  const ollama = (family: string) => ({
    name: 'ours:latest',
    described: { name: 'ours', details: { family } },
  });
  assert.equal(providers.ollama.adapter.goesOn(ollama('gptoss'), 'chat'), false);
  assert.equal(providers.ollama.adapter.goesOn(ollama('llama'), 'chat'), true);
});

test('every row has an example here, and its words in the manual', () => {
  const manual = readFileSync(join(import.meta.dirname, '../../docs/streams-that-survive.md'), 'utf8');
  for (const { models, is, at, why } of closedModels) {
    assert.ok(
      names.some(([closedAt, all]) => closedAt && all.some((name) => is.test(name.toLowerCase()))),
      models,
    );
    assert.ok(
      manual.includes(`| ${models} | ${at.join(', ')} | ${why} |`),
      `docs lack: | ${models} | ${at.join(', ')} | ${why} |`,
    );
  }
});
