import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shownModel, tagRow } from './ollama-listing.ts';

const own = { name: 'llama:latest', size: 7, digest: 'f'.repeat(64), modified_at: '2026-01-01T00:00:00Z' };
const foreign = { name: 'gpt', model: 'gpt-4o-mini', dialect: 'openai' };

test("an Ollama server's row keeps all it says, under our name", () => {
  const row = tagRow({ name: 'ours', model: 'llama', dialect: 'ollama', described: own });
  assert.deepEqual(
    { ...row, details: undefined },
    { ...own, name: 'ours', model: 'ours', details: undefined },
  );
});

test('a digest too short for the command line is replaced', () => {
  const described = { ...own, digest: 'abc' };
  const row = tagRow({ name: 'ours', model: 'llama', dialect: 'ollama', described });
  assert.match(String(row['digest']), /^[0-9a-f]{64}$/);
});

test("an entry of OpenAI's listing tells when it was made, and nothing of its own form leaks", () => {
  const described = { id: 'gpt-4o-mini', object: 'model', created: 1_700_000_000, owned_by: 'x' };
  const row = tagRow({ ...foreign, described });
  assert.equal(row['modified_at'], '2023-11-14T22:13:20.000Z');
  assert.deepEqual(Object.keys(row), ['name', 'model', 'modified_at', 'size', 'digest', 'details']);
});

test('a time that is none is never, as nobody knows better', () => {
  for (const created of [0, -1, 1e300, 'yesterday']) {
    assert.equal(tagRow({ ...foreign, described: { created } })['modified_at'], '0001-01-01T00:00:00Z');
  }
});

test('a context length is found wherever a compatible server tells it', () => {
  const listings = [
    { max_model_len: 4096 },
    { context_length: 4096 },
    { meta: { n_ctx_train: 4096 } },
    { max_model_len: null, meta: { n_ctx: 4096 } },
  ];
  for (const described of listings) {
    const facts = shownModel({ ...foreign, described })['model_info'] as Record<string, unknown>;
    assert.equal(facts[`${facts['general.architecture']}.context_length`], 4096);
  }
});

test("capabilities are the server's where it tells them in words that Ollama knows", () => {
  const shown = (capabilities: readonly string[]) =>
    shownModel({ ...foreign, described: { capabilities } })['capabilities'];
  assert.deepEqual(shown(['embedding', 'dancing']), ['embedding']);
  assert.deepEqual(shown(['dancing']), ['completion', 'tools']);
});
