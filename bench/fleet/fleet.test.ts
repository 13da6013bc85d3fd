import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fleetCells } from './all.ts';

/** Enough for every figure to be on its side of the goal; `node bench/fleet.ts` takes more of them. */
const size = { count: 6_000, seed: 7 };

for (const cell of fleetCells) {
  test(`${cell.title}: the goals hold in virtual time, seed ${size.seed}`, async () => {
    const { goals } = await cell.measure(size);
    assert.ok(goals.length > 0);
    for (const { text, bound, found, isMet } of goals) assert.ok(isMet, `${text}: ${found}, wanted ${bound}`);
  });
}
