import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { OtherClaim } from '../core/ports.ts';
import { divide } from './party-division.ts';

type Wishes = Readonly<Record<string, number>>;

function claimOf(wishes: Wishes, others = { count: 0, wanted: 0 }): OtherClaim {
  const named = Object.entries(wishes).map(([mark, wanted]) => ({ mark, wanted }));
  return {
    wanted: named.reduce((sum, { wanted }) => sum + wanted, others.wanted),
    parties: { named, others },
  };
}

/** As each replica reckons it. */
function divideAll(slots: number, claims: readonly OtherClaim[]) {
  return claims.map((claim, at) => divide(slots, [claim, ...claims.filter((_, other) => other !== at)]));
}

const close = (one: number, other: number) => Math.abs(one - other) < 1e-9;

test('who is at two replicas counts half at each, and a replica for as many parties as are there', () => {
  const parts = divideAll(4, [claimOf({ light: 4, flood: 12 }), claimOf({ flood: 12 })]);
  assert.deepEqual(parts, [
    { weight: 1.5, named: [1, 0.5], others: 0.75 },
    { weight: 0.5, named: [0.5], others: 0.5 },
  ]);
});

test('who asks for less than its share counts for that, and its part elsewhere is what it can use there', () => {
  const [one, two] = divideAll(12, [claimOf({ small: 1, flood: 24 }), claimOf({ flood: 24, middle: 24 })]);
  assert.ok(close((one?.weight ?? 0) * 5.5, 1 + 2.75));
  assert.ok(close((two?.weight ?? 0) * 5.5, 5.5 + 2.75));
  const [here, there] = divideAll(8, [claimOf({ a: 1, b: 9 }), claimOf({ a: 9 })]);
  assert.deepEqual([here?.named, there?.named], [[0.25, 1], [0.75]]);
});

test('a replica that does not tell is a party, and one that wants nothing is none', () => {
  const silent = { wanted: 9, parties: { named: [], others: { count: 0, wanted: 0 } } };
  const [one, other] = divideAll(4, [claimOf({ light: 4, flood: 12 }), silent, { ...silent, wanted: 0 }]);
  assert.ok(close(one?.weight ?? 0, 2) && close(other?.weight ?? 0, 1));
});

test('those without a mark count as often as they are, at as many replicas as those with one', () => {
  const crowd = claimOf({ a: 9, b: 9 }, { count: 6, wanted: 18 });
  const [one, two] = divideAll(16, [crowd, crowd]);
  assert.deepEqual(one, { weight: 4, named: [0.5, 0.5], others: 0.5 });
  assert.deepEqual(two, one);
});

test('nobody has less than an even share who asks for it, nothing is left while somebody wants it, and all reckon alike', () => {
  const wishes = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.integer({ min: 1, max: 20 }), {
    minKeys: 1,
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 30 }),
      fc.array(wishes, { minLength: 1, maxLength: 4 }),
      (slots, all) => {
        const parts = divideAll(
          slots,
          all.map((each) => claimOf(each)),
        );
        const wanted = new Map<string, number>();
        for (const each of all)
          for (const [mark, its] of Object.entries(each))
            wanted.set(mark, (wanted.get(mark) ?? 0) + Math.min(slots, its));
        const together = [...wanted.values()].reduce((sum, its) => sum + its, 0);
        const weights = parts.reduce((sum, { weight }) => sum + weight, 0);
        // Of the one that gets most: all that is given, divided between all by their weights.
        const most = Math.min(slots, together) / weights;
        const even = slots / wanted.size;
        for (const [mark, its] of wanted) {
          const sum = parts.reduce(
            (so, { named }, at) => so + (named[Object.keys(all[at] ?? {}).indexOf(mark)] ?? 0),
            0,
          );
          assert.ok(close(sum, 1), `${mark} is divided into ${sum}`);
          assert.ok(most >= Math.min(its, even) - 1e-9);
        }
        for (const { weight } of parts) assert.ok(weight > 0);
      },
    ),
  );
});
