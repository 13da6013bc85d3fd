import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { targetOn, upstreamOf } from '../../test/targets.ts';
import { createRoundRobin } from './round-robin.ts';

const names = (targets: ReturnType<ReturnType<typeof createRoundRobin>>) =>
  targets.map(({ upstream }) => upstream.name).join('');
const on = (name: string, tier = 1) => targetOn(upstreamOf(name), tier);

test('each target is first in its turn, and the others follow it', () => {
  const order = createRoundRobin([on('a'), on('b'), on('c')]);
  assert.deepEqual([order(), order(), order(), order()].map(names), ['abc', 'bca', 'cab', 'abc']);
});

test('tiers keep their order, however they are written, and turn each for itself', () => {
  const order = createRoundRobin([on('x', 2), on('a'), on('y', 2), on('b'), on('z', 3)]);
  assert.deepEqual([order(), order(), order()].map(names), ['abxyz', 'bayxz', 'abxyz']);
});

test('one target, or none, is always the same', () => {
  const only = [on('a')];
  assert.equal(createRoundRobin(only)(), only);
  assert.deepEqual(createRoundRobin([])(), []);
});

test('every turn holds every target once, and over a whole turn each is first equally often', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 7 }), (tiers) => {
      const targets = tiers.map((tier, index) => on(`u${index}`, tier));
      const order = createRoundRobin(targets);
      const best = targets.filter(({ tier }) => tier === Math.min(...tiers));
      const firsts = new Map<unknown, number>();
      for (let turn = 0; turn < best.length * 4; turn += 1) {
        const turned = order();
        assert.deepEqual(new Set(turned), new Set(targets));
        assert.equal(turned.length, targets.length);
        firsts.set(turned[0], (firsts.get(turned[0]) ?? 0) + 1);
      }
      assert.deepEqual(firsts, new Map(best.map((target) => [target, 4])));
    }),
  );
});
