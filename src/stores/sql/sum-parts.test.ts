import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sumParts } from './sum-parts.ts';

const dayMs = 86_400_000;
const firstMs = Date.UTC(2023, 10, 1);
const dayAt = (index: number) => new Date(firstMs + index * dayMs).toISOString().slice(0, 10);

test('every day that is asked for is in one part, and a part by month has whole months', () => {
  const day = fc.integer({ min: 0, max: 900 });
  fc.assert(
    fc.property(day, day, (from, to) => {
      const parts = sumParts(dayAt(from), dayAt(to));
      let reached = dayAt(from);
      for (const { table, fromDay, toDay } of parts) {
        assert.equal(fromDay, reached);
        if (table === 'ledger_months') assert.match(`${fromDay} ${toDay}`, /-01 .*-01$/);
        reached = toDay;
      }
      assert.equal(reached, dayAt(to));
      const byDay = parts.filter(({ table }) => table === 'ledger_days');
      const days = byDay.map(({ fromDay, toDay }) => (Date.parse(toDay) - Date.parse(fromDay)) / dayMs);
      assert.ok(days.reduce((sum, count) => sum + Math.max(0, count), 0) <= 60, 'at most two months by day');
    }),
  );
});

test('ninety days that are three months are three rows a combination', () => {
  assert.deepEqual(sumParts('2026-01-01', '2026-04-01'), [
    { table: 'ledger_months', fromDay: '2026-01-01', toDay: '2026-04-01' },
  ]);
  assert.deepEqual(sumParts('2026-01-31', '2026-03-02'), [
    { table: 'ledger_days', fromDay: '2026-01-31', toDay: '2026-02-01' },
    { table: 'ledger_months', fromDay: '2026-02-01', toDay: '2026-03-01' },
    { table: 'ledger_days', fromDay: '2026-03-01', toDay: '2026-03-02' },
  ]);
});
