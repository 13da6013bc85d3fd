import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EmbeddingContext, Token } from './binding.ts';
import { createEmbedder, embed } from './embedder.ts';
import { createWaitingLine } from './waiting-line.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const text = (...inputs: Token[]) => ({
  inputs: inputs.map((token) => [token]),
  signal: new AbortController().signal,
  check: () => {},
});

/** Embedders whose texts are answered with their own token, when the test says so. */
function scene(count: number, failing: readonly number[] = []) {
  const underWay = new Map<Token, (error?: Error) => void>();
  let opened = 0;
  const context: EmbeddingContext = {
    calculateInputLength: (tokens) => tokens.length,
    getEmbeddingFor: ([token = 0]) =>
      new Promise((resolve, reject) => {
        underWay.set(token, (error) => {
          underWay.delete(token);
          if (error === undefined) resolve({ vector: [token] });
          else reject(error);
        });
      }),
  };
  const embedders = Array.from({ length: count }, (_, index) =>
    createEmbedder(async () => {
      if (failing.includes(index)) throw new Error('no memory');
      opened += 1;
      return context;
    }),
  );
  const end = async (token: Token, error?: Error) => {
    underWay.get(token)?.(error);
    await turn();
  };
  return {
    line: createWaitingLine(embedders, 4),
    underWay: () => [...underWay.keys()],
    opened: () => opened,
    end,
  };
}

test('the texts of a request are evaluated side by side, and answered in their order', async () => {
  const { line, underWay, end } = scene(2);
  const vectors = embed(line, text(1, 2, 3));
  await turn();
  assert.deepEqual(underWay(), [1, 2]);
  await end(2);
  assert.deepEqual(underWay(), [1, 3]);
  await end(3);
  await end(1);
  assert.deepEqual(await vectors, [[1], [2], [3]]);
  assert.equal(line.free, 2);
});

test('who waits has an embedder before a request of many texts is done', async () => {
  const { line, underWay, end } = scene(2);
  const many = embed(line, text(1, 2, 3, 4));
  await turn();
  const single = embed(line, text(9));
  await turn();
  assert.deepEqual(underWay(), [1, 2]);
  await end(2);
  assert.deepEqual(underWay(), [1, 9]);
  await end(9);
  assert.deepEqual(await single, [[9]]);
  for (const token of [1, 3, 4]) await end(token);
  assert.deepEqual(await many, [[1], [2], [3], [4]]);
});

test('texts that come one after another need one context', async () => {
  const { line, opened, end } = scene(4);
  for (const token of [1, 2, 3]) {
    const vectors = embed(line, text(token));
    await turn();
    await end(token);
    await vectors;
  }
  assert.equal(opened(), 1);
});

test('without memory for a second context, the first evaluates all texts', async () => {
  const { line, underWay, end } = scene(2, [1]);
  const vectors = embed(line, text(1, 2));
  await turn();
  assert.deepEqual(underWay(), [1]);
  await end(1);
  await end(2);
  assert.deepEqual(await vectors, [[1], [2]]);
});

test('where a text fails, the request fails, and no other of its texts is begun', async () => {
  const { line, underWay, end } = scene(2);
  const vectors = assert.rejects(embed(line, text(1, 2, 3)), /broken/);
  await turn();
  await end(2, new Error('broken'));
  await vectors;
  await end(1);
  assert.deepEqual(underWay(), []);
  assert.equal(line.free, 2);
});
