import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { targetOn, upstreamOf } from '../../test/targets.ts';
import type { Target } from '../core/exchange.ts';
import { TierChoice } from './tier-choice.ts';

const on = (name: string, tier = 1) => targetOn(upstreamOf(name), tier);
const names = (targets: readonly Target[]) => targets.map(({ upstream }) => upstream.name).join('');
const choiceWith = (down: string) =>
  new TierChoice({ anyDown: down !== '', isDown: ({ name }) => down.includes(name) });
const nobody: ReadonlySet<string> = new Set();

const twoTiers = [on('a'), on('b'), on('x', 2), on('y', 2), on('z', 3)];

test('the first tier that has a candidate left is asked, without those known to be down', () => {
  for (const [down, visited, expected] of [
    ['', '', 'ab'],
    ['a', '', 'b'],
    ['ab', '', 'xy'],
    ['abx', '', 'y'],
    ['abxy', '', 'z'],
    ['', 'a', 'b'],
    ['a', 'b', 'xy'],
    ['ab', 'xy', 'z'],
  ] as const) {
    const chosen = choiceWith(down).first(twoTiers, new Set(visited));
    assert.equal(names(chosen), expected, `down ${down}, visited ${visited}`);
  }
});

test('when everybody left is down they are asked in their order: they may be back', () => {
  assert.equal(names(choiceWith('abxyz').first(twoTiers, nobody)), 'ab');
  assert.equal(names(choiceWith('abxyz').first(twoTiers, new Set('ab'))), 'xy');
  assert.equal(names(choiceWith('abz').first(twoTiers, new Set('xy'))), 'ab');
});

test('while nobody is down and all are of one tier nothing is made anew', () => {
  const oneTier = [on('a'), on('b')];
  assert.equal(choiceWith('').first(oneTier, nobody), oneTier);
  const only = [on('a')];
  assert.equal(choiceWith('a').first(only, new Set('a')), only);
});

test('in place of those that are full come the others that are neither visited nor down', () => {
  const [a, b] = twoTiers as [Target, Target];
  assert.equal(names(choiceWith('').instead([a, b], twoTiers, nobody)), 'xyz');
  assert.equal(names(choiceWith('ax').instead([b], twoTiers, new Set('y'))), 'z');
  assert.equal(names(choiceWith('xyz').instead([a, b], twoTiers, nobody)), '');
});

test('whoever is left, somebody of one tier is asked, and nobody who is down while another is not', () => {
  const facts = fc.record({
    tier: fc.integer({ min: 1, max: 3 }),
    down: fc.boolean(),
    visited: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(facts, { minLength: 2, maxLength: 6 }), (drawn) => {
      const rows = drawn
        .toSorted((one, other) => one.tier - other.tier)
        .map((row, index) => ({ ...row, target: on(`u${index}`, row.tier) }));
      const isDown = new Map(rows.map(({ target, down }) => [target.upstream, down]));
      const choice = new TierChoice({
        anyDown: rows.some(({ down }) => down),
        isDown: (upstream) => isDown.get(upstream) === true,
      });
      const visited = new Set(rows.filter((row) => row.visited).map(({ target }) => target.upstream.name));
      const left = rows.filter((row) => !row.visited);
      const chosen = choice.first(
        rows.map(({ target }) => target),
        visited,
      );
      const best = left.some(({ down }) => !down) ? left.filter(({ down }) => !down) : left;
      const tier = Math.min(...best.map((row) => row.tier));
      assert.deepEqual(
        chosen,
        best.filter((row) => row.tier === tier).map(({ target }) => target),
      );
    }),
  );
});
