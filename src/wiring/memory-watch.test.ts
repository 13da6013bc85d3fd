import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeldClock } from '../../test/held-clock.ts';
import { MemoryWatch } from './memory-watch.ts';

test('P5: full is what stays above 85 % of the limit, and roomy what is below 80 % again', () => {
  const clock = createHeldClock();
  const told: string[] = [];
  const tell = (_facts: object, message: string) => void told.push(message);
  let used = 0.5;
  const watch = new MemoryWatch({
    clock,
    read: () => ({ heap: used, container: 0 }),
    log: { info: tell, warn: tell },
  });
  for (const [next, full] of [
    [0.84, false],
    [0.99, false],
    [0.7, false],
    [0.85, false],
    [0.86, true],
    [0.81, true],
    [0.79, false],
    [0.84, false],
  ] as const) {
    used = next;
    clock.advance(100);
    assert.equal(watch.full, full, `at ${next}`);
  }
  assert.equal(told.length, 2);
  watch.close();
  assert.equal(clock.pending, 0);
});

test('P5: what a container has too much of may be garbage: it is collected first, and again when it stays so', () => {
  const clock = createHeldClock();
  const log = { info: () => {}, warn: () => {} };
  let container = 0.9;
  let collected = 0;
  const collect = async () => {
    collected += 1;
  };
  const watch = new MemoryWatch({ clock, read: () => ({ heap: 0.5, container }), collect, log });
  clock.advance(100);
  assert.deepEqual([collected, watch.full], [1, false]);
  clock.advance(100);
  assert.deepEqual([collected, watch.full], [1, true]);
  for (let look = 0; look < 20; look += 1) clock.advance(100);
  assert.deepEqual([collected, watch.full], [2, true]);
  container = 0.5;
  clock.advance(100);
  assert.equal(watch.full, false);
  watch.close();
});

test('P5: a collection that fails ends nothing, and is told', async () => {
  const clock = createHeldClock();
  const told: string[] = [];
  const tell = (_facts: object, message: string) => void told.push(message);
  const collect = () => Promise.reject(new Error('no inspector'));
  const watch = new MemoryWatch({
    clock,
    read: () => ({ heap: 0.5, container: 0.9 }),
    collect,
    log: { info: tell, warn: tell },
  });
  clock.advance(100);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(told, ['garbage could not be collected before its time']);
  watch.close();
});
