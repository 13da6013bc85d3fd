import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeldClock } from '../../test/held-clock.ts';
import { UnknownKeys } from './unknown-keys.ts';

/** Its readings end when the test says so. */
function openRig() {
  const clock = createHeldClock();
  const readings: (() => void)[] = [];
  const read = () => new Promise<void>((resolve) => void readings.push(resolve));
  const unknown = new UnknownKeys({ clock, read });
  const settled = async (asked: Promise<void> | undefined) => {
    assert.ok(asked !== undefined);
    await asked;
  };
  return { clock, readings, unknown, settled };
}

const outage = { code: 'dependency_unavailable' };

test('G5: before the first reading, and after one that failed, nobody can tell, and nothing is asked', () => {
  const { unknown, readings } = openRig();
  for (const happens of [() => {}, () => unknown.doubt()]) {
    happens();
    assert.equal(unknown.ask(), undefined);
    assert.throws(() => unknown.assertTold(), outage);
    unknown.confirm({ isAlone: false });
    unknown.assertTold();
  }
  assert.equal(readings.length, 0);
});

test('C14, G20: each who asks is told by a reading that began after he came, and of any number of them four begin in a second', async () => {
  const { clock, readings, unknown, settled } = openRig();
  unknown.confirm({ isAlone: false });
  let ended = 0;
  const endAll = () => {
    for (const end of readings.slice(ended)) end();
    ended = readings.length;
  };
  const waiting: Promise<void>[] = [];
  for (let ms = 0; ms < 10_000; ms += 1) {
    const begun = readings.length;
    const told = settled(unknown.ask()).then(() =>
      assert.ok(ended > begun, 'none that began before he came'),
    );
    waiting.push(told);
    clock.advance(1);
    if (ms % 10 === 0) endAll();
  }
  clock.advance(250);
  endAll();
  await Promise.all(waiting);
  assert.ok(readings.length <= 4 + 41, `${readings.length} readings for ${waiting.length}`);
});

test('G5: a reading that does not end leaves nobody waiting for longer than two seconds, nor more than four thousand', async () => {
  const { clock, unknown, settled } = openRig();
  unknown.confirm({ isAlone: false });
  const waiting: Promise<void>[] = [];
  for (let count = 0; count < 4_004; count += 1) waiting.push(settled(unknown.ask()));
  assert.throws(() => unknown.ask(), outage);
  clock.advance(250);
  clock.advance(2_000);
  await Promise.all(waiting);
  assert.throws(() => unknown.assertTold(), outage);
});

test('who is alone asks nobody', () => {
  const { unknown, readings } = openRig();
  unknown.confirm({ isAlone: true });
  assert.equal(unknown.ask(), undefined);
  unknown.assertTold();
  assert.equal(readings.length, 0);
});
