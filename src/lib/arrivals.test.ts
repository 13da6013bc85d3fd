import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Arrivals, nextArrival } from './arrivals.ts';

test('whoever came and has not left is there in the order of coming, wherever the others stood', () => {
  const steps = fc.array(fc.oneof(fc.constant('come' as const), fc.nat(200)), { maxLength: 400 });
  fc.assert(
    fc.property(steps, (drawn) => {
      const arrivals = new Arrivals<{ came: number }>();
      const there = new Set<{ came: number }>();
      const all: { came: number }[] = [];
      for (const step of drawn) {
        if (step === 'come') {
          const one = { came: nextArrival() };
          all.push(one);
          there.add(one);
          arrivals.add(one);
        } else {
          const one = all[step % Math.max(1, all.length)];
          if (one !== undefined) assert.equal(arrivals.remove(one), there.delete(one) ? one : undefined);
        }
        assert.equal(arrivals.size, there.size);
        assert.equal(arrivals.first, there.values().next().value);
      }
      assert.deepEqual([...arrivals], [...there]);
    }),
  );
});
