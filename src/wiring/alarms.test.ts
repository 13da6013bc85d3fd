import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeldClock } from '../../test/held-clock.ts';
import { alertsOptions } from '../alerts/options.ts';
import { Alarms } from './alarms.ts';

test('G19 what is away for less than a minute is logged, and no alert', () => {
  const { alarms, clock, lines } = open();
  alarms.outage('store', new Error('gone'));
  clock.advance(59_999);
  alarms.outage('store', undefined);
  clock.advance(60_000);
  assert.deepEqual(lines, [
    '{"message":"gone"} the store cannot be reached: requests go on, reports do not',
    '{} the store is back',
  ]);
  assert.equal(clock.pending, 0);
});

test('G19 what is away for a minute is an alert, and so is its end', () => {
  const { alarms, clock, lines } = open();
  alarms.outage('ledger', new Error('gone'));
  clock.advance(60_000);
  assert.equal(
    lines.at(-1),
    '{"alert":"degraded","dependency":"ledger"} finished exchanges wait in the spool for the ledger',
  );
  clock.advance(20_000);
  alarms.outage('ledger', undefined);
  assert.equal(
    lines.at(-1),
    '{"alert":"degraded","dependency":"ledger"} over: the ledger takes finished exchanges again',
  );
});

test('G19, DP7 what is away is told once, a minute after it went, however often the reason changes', () => {
  const { alarms, clock, lines } = open();
  for (const reason of ['offline', 'loading', 'offline', 'readonly']) {
    alarms.outage('shared', new Error(reason));
    clock.advance(25_000);
  }
  const told = () => lines.filter((line) => line.includes('"alert"'));
  assert.equal(told().length, 1);
  alarms.outage('shared', new Error('forbidden'));
  clock.advance(120_000);
  assert.equal(told().length, 1, 'and not again while it goes on');
  assert.equal(lines.length - told().length, 5, 'each change is a line of the log');
  alarms.outage('shared', undefined);
  assert.equal(told().length, 2);
  alarms.outage('shared', new Error('again'));
  clock.advance(60_000);
  assert.equal(told().length, 3);
});

test('G20 what is there and has too little room says so, also after it was away', () => {
  const { alarms, lines } = open();
  const note = '20 gateways take turns at 5 connections';
  alarms.note('store', note);
  alarms.outage('store', new Error('gone'));
  alarms.outage('store', undefined);
  const store = () => alarms.dependencies.find(({ name }) => name === 'store');
  assert.equal(store()?.state, 'there');
  assert.equal(store()?.note, note);
  assert.equal(lines[0], `{"message":"${note}"} the store is there, and has too little room`);
  alarms.note('store', undefined);
  assert.equal(store()?.note, undefined);
});

test('G19 a disk that takes nothing is an alert at once: what is not kept is gone', () => {
  const { alarms, clock, lines } = open();
  alarms.outage('spool', new Error('ENOSPC'));
  clock.advance(0);
  assert.match(lines.at(-1) ?? '', /"dependency":"spool"} finished exchanges cannot be kept/);
});

test('a budget that is spent is told once for each window, holder and share', () => {
  const { alarms, lines } = open();
  const standing = {
    name: 'trial',
    per: 'tenant',
    holder: 'acme',
    unit: 'usd',
    limit: 10,
    spent: 8,
    reserved: 0,
    windowStartMs: Date.UTC(2026, 0, 1),
    windowEndMs: Date.UTC(2026, 1, 1),
  } as const;
  alarms.budgetCrossed(standing, 0.5);
  alarms.budgetCrossed(standing, 0.5);
  alarms.budgetCrossed(standing, 0.8);
  alarms.budgetCrossed({ ...standing, holder: 'other' }, 0.5);
  alarms.budgetCrossed({ ...standing, windowStartMs: Date.UTC(2026, 1, 1) }, 0.5);
  alarms.budgetCrossed({ ...standing, per: 'global', holder: '', windowStartMs: 0 }, 1);
  assert.deepEqual(
    lines.map((line) => line.slice(line.indexOf('} ') + 2)),
    [
      'the budget trial of tenant acme is spent to 50 %',
      'the budget trial of tenant acme is spent to 80 %',
      'the budget trial of tenant other is spent to 50 %',
      'the budget trial of tenant acme is spent to 50 %',
      'the budget trial of all is spent to 100 %',
    ],
  );
});

function open() {
  const clock = createHeldClock();
  const lines: string[] = [];
  const keep = (facts: object, message: string) => void lines.push(`${JSON.stringify(facts)} ${message}`);
  const log = { info: keep, warn: keep, error: keep };
  return { alarms: new Alarms(alertsOptions.parse({}), { clock, log }), clock, lines };
}
