// A sequence that writes down what it is asked to compute stands for the library's: what it computes is in `test/engines`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Sequence, Token } from './binding.ts';
import { alikeMsMax, readPrompt } from './prompt-reading.ts';
import {
  decodeGroups,
  drawnGroups,
  encodeGroups,
  firstOf,
  type Group,
  noteComputed,
  type Slot,
} from './slot.ts';
import { createWaitingLine } from './waiting-line.ts';

function openSlot() {
  const known: Token[] = [];
  const computed: number[] = [];
  const sequence: Sequence = {
    get nextTokenIndex() {
      return known.length;
    },
    compareContextTokens(tokens) {
      const at = known.findIndex((token, index) => token !== tokens[index]);
      return { firstDifferentIndex: at === -1 ? known.length : at };
    },
    async eraseContextTokenRanges([range]) {
      known.length = range?.start ?? known.length;
    },
    async clearHistory() {
      known.length = 0;
    },
    async *evaluate() {},
    async evaluateWithoutGeneratingNewTokens(tokens) {
      known.push(...tokens);
      computed.push(tokens.length);
    },
  };
  const slot: Slot = { sequence, groups: [] };
  const engine = {
    slots: createWaitingLine([slot], 1),
    context: { contextSize: 1000, batchSize: 8, getSequence: () => sequence },
  };
  const read = (tokens: readonly Token[], groups?: readonly Group[], now?: () => number) =>
    readPrompt(engine, slot, { tokens, groups, signal: new AbortController().signal, ...(now && { now }) });
  return { slot, computed, read };
}

const prompt = Array.from({ length: 20 }, (_, index) => index + 1);
const sizes = (...groups: ReadonlyArray<readonly [known: number, size: number]>): readonly Group[] =>
  groups.map(([known, size]) => ({ known, size }));

test('a prompt is computed by whole batches, and its end is left', async () => {
  const { slot, computed, read } = openSlot();
  assert.deepEqual(await read(prompt), { cachedTokens: 0, last: prompt.slice(16) });
  assert.deepEqual(computed, [8, 8]);
  assert.deepEqual(slot.groups, sizes([8, 8], [8, 8]));
});

test('what another drew is computed in the groups that it had, a half one among as many tokens as followed there', async () => {
  const { slot, computed, read } = openSlot();
  const groups = [...sizes([3, 7], [5, 5]), ...drawnGroups(12)];
  assert.deepEqual(await read(prompt, groups), { cachedTokens: 0, last: prompt.slice(19) });
  assert.deepEqual(computed, [7, 5, ...Array<number>(11).fill(1)]);
  assert.deepEqual(slot.groups, groups.slice(0, -1));
});

test('only what was computed in just these groups is not computed again', async () => {
  const { computed, read } = openSlot();
  const groups = [...sizes([8, 8], [4, 4]), ...drawnGroups(8)];
  await read(prompt, groups);
  computed.length = 0;
  assert.equal((await read(prompt, groups)).cachedTokens, 19);
  assert.deepEqual(computed, []);
  assert.equal((await read(prompt, [...sizes([8, 8], [2, 4], [2, 2]), ...drawnGroups(8)])).cachedTokens, 10);
  assert.deepEqual(computed, [2, ...Array<number>(7).fill(1)]);
  computed.length = 0;
  assert.equal((await read(prompt, [...sizes([6, 9], [6, 6]), ...drawnGroups(8)])).cachedTokens, 0);
  assert.deepEqual(computed, [9, 6, ...Array<number>(7).fill(1)]);
});

test('a prompt of which only the meaning counts is known however it was computed', async () => {
  const { computed, read } = openSlot();
  await read(prompt, drawnGroups(20));
  computed.length = 0;
  assert.deepEqual(await read(prompt), { cachedTokens: 19, last: prompt.slice(19) });
  assert.deepEqual(computed, []);
});

test('what is not computed in time is computed together', async () => {
  const { computed, read } = openSlot();
  let nowMs = 0;
  const now = () => {
    nowMs += alikeMsMax / 5;
    return nowMs;
  };
  const { last } = await read(prompt, drawnGroups(20), now);
  assert.deepEqual(computed, [1, 1, 1, 1, 1, 8]);
  assert.deepEqual(last, prompt.slice(13));
});

test('a slot knows how each of its tokens was computed, those that were drawn too', async () => {
  const { slot, read } = openSlot();
  await read(prompt);
  await slot.sequence.evaluateWithoutGeneratingNewTokens([17, 18, 19, 20, 5, 6], { evaluationPriority: 0 });
  noteComputed(slot, 4);
  assert.deepEqual(slot.groups, sizes([8, 8], [8, 8], [4, 4], [1, 1], [1, 1]));
  noteComputed(slot, 0);
  assert.deepEqual(slot.groups, sizes([8, 8], [8, 8], [4, 4], [1, 1], [1, 1]));
});

test('groups are told as runs, and what is no such list is none', () => {
  const group = fc
    .integer({ min: 1, max: 9 })
    .chain((known) => fc.integer({ min: known, max: 12 }).map((size) => ({ known, size })));
  fc.assert(
    fc.property(fc.array(group, { maxLength: 50 }), (groups) => {
      const tokens = groups.reduce((sum, { known }) => sum + known, 0);
      assert.deepEqual(decodeGroups(encodeGroups(groups), tokens), groups);
      assert.equal(decodeGroups(encodeGroups(groups), tokens + 1), undefined);
    }),
  );
  assert.deepEqual(encodeGroups([...sizes([3, 7]), ...drawnGroups(4)]), [3, 7, 1, 1, 1, 4]);
  for (const told of [
    undefined,
    {},
    [1],
    [1, 1],
    [2, 1, 1],
    [1, 1, 0],
    [1, 1, 0.5],
    [-1, 1, 1],
    ['1', 1, 1],
  ]) {
    assert.equal(decodeGroups(told, 1), undefined, JSON.stringify(told));
  }
  // Nothing is made of a number that somebody wrote to take our memory.
  assert.equal(decodeGroups([1, 1, 1e12], 1), undefined);
});

test('the groups of a beginning end with it', () => {
  assert.deepEqual(firstOf(sizes([3, 3], [5, 9], [1, 1]), 5), sizes([3, 3], [2, 9]));
  assert.deepEqual(firstOf(sizes([3, 3]), 3), sizes([3, 3]));
  assert.deepEqual(firstOf(sizes([3, 3]), 0), []);
});
