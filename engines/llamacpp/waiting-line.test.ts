import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createWaitingLine } from './waiting-line.ts';

const stay = new AbortController().signal;
const indifferent = () => 0;

test('who came first is served first', async () => {
  const line = createWaitingLine(['only'], 2);
  const thing = await line.borrow(stay, indifferent);
  const served: string[] = [];
  const first = line.borrow(stay, indifferent).then(() => served.push('first'));
  const second = line.borrow(stay, indifferent).then(() => served.push('second'));
  assert.equal(line.waiting, 2);
  line.giveBack(thing);
  await first;
  line.giveBack(thing);
  await second;
  assert.deepEqual(served, ['first', 'second']);
  line.giveBack(thing);
  assert.equal(line.free, 1);
});

test('of the free ones the best is lent', async () => {
  const line = createWaitingLine([3, 7, 5], 0);
  assert.equal(await line.borrow(stay, (thing) => thing), 7);
  assert.equal(await line.borrow(stay, (thing) => -thing), 3);
});

test('who leaves the line is not served, and the next one is', async () => {
  const line = createWaitingLine(['only'], 2);
  const thing = await line.borrow(stay, indifferent);
  const leave = new AbortController();
  const left = line.borrow(leave.signal, indifferent);
  const next = line.borrow(stay, indifferent);
  leave.abort(new Error('gone'));
  await assert.rejects(left, /gone/);
  line.giveBack(thing);
  assert.equal(await next, 'only');
  await assert.rejects(line.borrow(leave.signal, indifferent), /gone/);
});

test('a full line refuses with queue_full', async () => {
  const line = createWaitingLine(['only'], 0);
  await line.borrow(stay, indifferent);
  await assert.rejects(line.borrow(stay, indifferent), { code: 'queue_full', status: 503 });
});
