import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeldClock } from '../../../test/held-clock.ts';
import { Pulse } from './pulse.ts';

const hungMs = 15_000;
const everyMs = 2_000;

function open(answer: () => Promise<unknown>) {
  const clock = createHeldClock();
  const hung: number[] = [];
  let asked = 0;
  const ask = () => {
    asked += 1;
    return answer();
  };
  const pulse = new Pulse({ clock, hungMs, ask, onHung: (silentMs) => hung.push(silentMs) });
  /** With the turns of the loop in which answers are heard. */
  const pass = async (ms: number) => {
    for (let passedMs = 0; passedMs < ms; passedMs += everyMs / 2) {
      clock.advance(everyMs / 2);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { clock, pulse, hung, pass, asked: () => asked };
}

const never = () => new Promise<never>(() => {});

test('P4: a worker that answers is never hung, and one that is held up for 5 s is not either', async () => {
  let release = () => {};
  let isHeld = false;
  const { hung, pass, asked } = open(() => {
    if (!isHeld) return Promise.resolve();
    return new Promise<void>((resolve) => {
      release = resolve;
    });
  });
  await pass(60_000);
  assert.equal(asked(), 30);
  isHeld = true;
  await pass(5_000);
  isHeld = false;
  release();
  await pass(60_000);
  assert.deepEqual(hung, []);
});

test('one that does not answer is hung once its time is over, is told of once, and is asked no more', async () => {
  const { clock, hung, pass, asked } = open(never);
  await pass(16_000);
  assert.deepEqual(hung, []);
  await pass(2_000);
  assert.deepEqual(hung, [16_000]);
  await pass(60_000);
  assert.deepEqual(hung, [16_000]);
  assert.equal(asked(), 1, 'one question waits at a time');
  assert.equal(clock.pending, 0);
});

test('one that cannot even be asked is hung as well', async () => {
  const { hung, pass } = open(() => Promise.reject(new Error('256 questions wait')));
  await pass(18_000);
  assert.deepEqual(hung, [16_000]);
});

test('whoever was held up itself, or asleep with the whole machine, judges nobody by that time', async () => {
  const { clock, hung, pass } = open(never);
  await pass(4_000);
  clock.sleep(3_600_000);
  assert.deepEqual(hung, []);
  await pass(14_000);
  assert.deepEqual(hung, [], 'its time begins anew');
  await pass(4_000);
  assert.equal(hung.length, 1);
});

test('who has ended is asked nothing any more', async () => {
  const { clock, pulse, hung, pass } = open(never);
  await pass(4_000);
  pulse.stop();
  await pass(60_000);
  assert.deepEqual(hung, []);
  assert.equal(clock.pending, 0);
});
