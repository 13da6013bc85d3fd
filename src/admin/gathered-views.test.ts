import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatherRunning } from './gathered-views.ts';

type Row = Parameters<typeof gatherRunning>[0][number]['running'][number];

function running(slots: number, slotsFrom: Row['slotsFrom']) {
  const row = {
    model: 'gemma',
    upstream: 'gpu-a',
    state: 'up',
    inFlight: 2,
    queued: 0,
    inMemory: 'yes',
  } as const;
  return { waiting: 0, machines: [], running: [{ ...row, slots, slotsFrom }] };
}

function shown(all: Parameters<typeof gatherRunning>[0]): readonly unknown[] {
  return gatherRunning(all).running.map(({ inFlight, slots, slotsFrom }) => [inFlight, slots, slotsFrom]);
}

test('of slots that workers lease each has a part, and together they are shown; of others each knows the same', () => {
  assert.deepEqual(shown([running(2, 'leased'), running(2, 'leased')]), [[4, 4, 'leased']]);
  assert.deepEqual(shown([running(4, 'configured'), running(0, 'leased')]), [[4, 4, 'leased']]);
  assert.deepEqual(shown([running(4, 'configured'), running(4, 'configured')]), [[4, 4, 'configured']]);
});
