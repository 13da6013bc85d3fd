import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDeadlineMs, readPriority } from './wishes.ts';

test('a deadline is a whole number of milliseconds, and anything else is refused', () => {
  const read = (said: string) => readDeadlineMs({ 'x-millrace-deadline-ms': said });
  assert.equal(readDeadlineMs({}), undefined);
  assert.equal(read('1'), 1);
  assert.equal(read('86400000'), 86_400_000);
  for (const said of ['0', '-1', '1.5', '1e3', '', 'soon', '86400001', '99999999999'])
    assert.throws(() => read(said), { code: 'invalid_request' }, said);
});

test('a priority is what was asked for, up to what the key may have, and never a refusal', () => {
  const rule = { usual: 2, max: 5 };
  const read = (said: string) => readPriority({ 'x-millrace-priority': said }, rule);
  assert.deepEqual(readPriority({}, rule), { priority: 2 });
  assert.deepEqual(read('0'), { priority: 0 });
  assert.deepEqual(read('5'), { priority: 5 });
  assert.equal(read('6').priority, 5);
  assert.match(read('6').warning ?? '', /lowered to 5/);
  for (const said of ['10', '-1', 'high', '']) {
    assert.equal(read(said).priority, 2, said);
    assert.match(read(said).warning ?? '', /ignored/);
  }
});
