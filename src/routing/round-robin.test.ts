import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { targetOn, upstreamOf } from '../../test/targets.ts';
import { wantOf } from '../../test/wants.ts';
import type { Known } from '../core/fleet.ts';
import { createRoundRobin } from './round-robin.ts';

const known: Known = {
  inFlight: () => 0,
  slots: () => 1,
  serviceMs: () => 0,
  loadMs: () => 0,
  price: () => 0,
};
const all = ['a', 'b', 'c'].map((name) => targetOn(upstreamOf(name)));

function rig() {
  const policy = createRoundRobin();
  return (free: string) => {
    const targets = all.filter(({ upstream }) => free.includes(upstream.name));
    return targets[policy.choose(targets, wantOf(all), known)]?.upstream.name;
  };
}

test('each target comes in its turn', () => {
  const next = rig();
  assert.deepEqual([next('abc'), next('abc'), next('abc'), next('abc')], ['a', 'b', 'c', 'a']);
});

test('whoever is busy at its turn is passed over', () => {
  const next = rig();
  assert.deepEqual([next('abc'), next('ac'), next('ab'), next('bc')], ['a', 'c', 'a', 'b']);
});

test('as long as all are free, each is chosen equally often', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), (turns) => {
      const next = rig();
      const counts = { a: 0, b: 0, c: 0 };
      for (let turn = 0; turn < turns * 3; turn += 1) counts[next('abc') as 'a'] += 1;
      assert.deepEqual(counts, { a: turns, b: turns, c: turns });
    }),
  );
});
