import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readDigest, readModelName, readModelOrName } from './ollama-names.ts';

test('the names that Ollama servers know are names', () => {
  const names = [
    'llama3.2',
    'qwen2.5-coder:7b-instruct-q4_K_M',
    'me/mario',
    'hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M',
    'registry.local:5000/team/model:latest',
    'http://registry.local/team/model',
  ];
  for (const name of names) assert.equal(readModelName(name, 'model'), name);
});

test('no name leaves its folder, whatever stands around the dots (S26)', () => {
  const piece = fc.constantFrom('..', '.', 'a', 'b.c', '');
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 6 }), (pieces) => {
      if (!pieces.some((text) => text === '..' || text === '.')) return;
      assert.throws(() => readModelName(pieces.join('/'), 'model'));
    }),
  );
});

test('an older client may say `name`, and nobody may say two things', () => {
  assert.equal(readModelOrName({ name: 'llama' }), 'llama');
  assert.equal(readModelOrName({ name: 'llama', model: 'llama' }), 'llama');
  assert.equal(readModelOrName({ name: null, model: 'llama' }), 'llama');
  assert.throws(() => readModelOrName({ name: 'llama', model: 'qwen' }), { param: 'name' });
  assert.throws(() => readModelOrName({}), { param: 'model' });
});

test('a digest is sha256, a colon and 64 lowercase hexadecimal digits, and nothing else (S26)', () => {
  const digest = `sha256:${'0a'.repeat(32)}`;
  assert.equal(readDigest(digest, 'digest'), digest);
  const wrong = [
    `${digest}\n`,
    ` ${digest}`,
    digest.toUpperCase(),
    digest.slice(0, -1),
    `${digest}0`,
    7,
    null,
  ];
  for (const text of wrong) assert.throws(() => readDigest(text, 'digest'), { param: 'digest' });
});
