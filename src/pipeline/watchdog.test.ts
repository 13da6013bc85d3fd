import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeldClock, type HeldClock } from '../../test/held-clock.ts';
import type { Failure } from '../core/failure.ts';
import { type Phase, Watchdog } from './watchdog.ts';

const clocks = {
  connectMs: 100,
  firstTokenMs: 1_000,
  loadMs: 5_000,
  idleMs: 500,
  totalMs: 10_000,
  queueMs: 200,
};

interface Rig {
  readonly clock: HeldClock;
  readonly watchdog: Watchdog;
  readonly expired: Failure[];
}

function rig(startedMs = 0, suspect = () => true): Rig {
  const clock = createHeldClock();
  clock.advance(startedMs);
  const expired: Failure[] = [];
  const expire = (failure: Failure) => void expired.push(failure);
  return { clock, expired, watchdog: new Watchdog({ clock, clocks, startedMs, suspect, expire }) };
}

const rows: ReadonlyArray<{ phase: Phase; ms: number; code: string }> = [
  { phase: 'connect', ms: 100, code: 'connect_timeout' },
  { phase: 'first_token', ms: 1_000, code: 'first_token_timeout' },
  { phase: 'idle', ms: 500, code: 'idle_timeout' },
  { phase: 'answer', ms: 1_000, code: 'first_token_timeout' },
];

for (const { phase, ms, code } of rows) {
  test(`G16: the phase ${phase} lasts to its clock and not a millisecond longer`, () => {
    const { clock, watchdog, expired } = rig();
    watchdog.enter(phase);
    clock.advance(ms - 1);
    assert.equal(expired.length, 0);
    clock.advance(1);
    assert.equal(expired[0]?.code, code);
    assert.match(expired[0]?.message ?? '', new RegExp(`${ms} ms`));
    clock.advance(1_000_000);
    assert.equal(expired.length, 1, 'it expires once');
    assert.equal(clock.pending, 0);
  });
}

test('U2: a whole answer that is late is waited for until its upstream is suspect', () => {
  let isSuspect = false;
  const { clock, watchdog, expired } = rig(0, () => isSuspect);
  watchdog.enter('answer');
  clock.advance(5_500);
  isSuspect = true;
  clock.advance(499);
  assert.equal(expired.length, 0);
  clock.advance(1);
  assert.equal(expired[0]?.code, 'first_token_timeout');
  assert.equal(clock.pending, 0);
});

test('U2: a whole answer whose upstream is never suspect has the total clock', () => {
  const { clock, watchdog, expired } = rig(0, () => false);
  watchdog.enter('answer');
  clock.advance(9_999);
  assert.equal(expired.length, 0);
  clock.advance(1);
  assert.equal(expired[0]?.code, 'total_timeout');
});

test('U2: before its clock has run out a whole answer is not given up, whoever is suspect', () => {
  const { clock, watchdog, expired } = rig();
  watchdog.enter('answer');
  clock.advance(999);
  watchdog.enter('idle');
  clock.advance(499);
  assert.equal(expired.length, 0);
});

test('G16: each token begins the idle clock anew, and one timer serves them all', () => {
  const { clock, watchdog, expired } = rig();
  watchdog.enter('first_token');
  for (let token = 0; token < 15; token += 1) {
    clock.advance(400);
    watchdog.enter('idle');
    assert.equal(clock.pending, 1);
  }
  assert.equal(expired.length, 0);
  clock.advance(500);
  assert.equal(expired[0]?.code, 'idle_timeout');
});

test('G16: a shorter phase after a longer one is watched from its own start', () => {
  const { clock, watchdog, expired } = rig();
  watchdog.enter('answer');
  clock.advance(50);
  watchdog.enter('connect');
  clock.advance(100);
  assert.equal(expired[0]?.code, 'connect_timeout');
});

test('G16: the total clock counts what went before, and names itself', () => {
  const { clock, watchdog, expired } = rig(9_900);
  clock.advance(9_800);
  watchdog.enter('first_token');
  clock.advance(199);
  assert.equal(expired.length, 0);
  clock.advance(1);
  assert.equal(expired[0]?.code, 'total_timeout');
});

test('G16: an exchange that is late already ends as soon as it is watched', () => {
  const { clock, watchdog, expired } = rig();
  clock.advance(20_000);
  watchdog.enter('connect');
  clock.advance(0);
  assert.equal(expired[0]?.code, 'total_timeout');
});

test('G14, G16: while the client holds the upstream back only the total clock runs', () => {
  const { clock, watchdog, expired } = rig();
  watchdog.enter('idle');
  clock.advance(400);
  watchdog.hold();
  // What was on its way already still arrives.
  watchdog.enter('idle');
  clock.advance(5_000);
  assert.equal(expired.length, 0);
  watchdog.resume();
  clock.advance(499);
  assert.equal(expired.length, 0);
  watchdog.hold();
  clock.advance(4_101);
  assert.equal(expired[0]?.code, 'total_timeout');
});

test('G16: before the first token nothing is held: whoever floods us with silence is still watched', () => {
  const { clock, watchdog, expired } = rig();
  watchdog.enter('first_token');
  watchdog.hold();
  clock.advance(1_000);
  assert.equal(expired[0]?.code, 'first_token_timeout');
});

test('G16: after its stop it neither expires nor keeps a timer, whatever still happens', () => {
  const { clock, watchdog, expired } = rig();
  watchdog.enter('idle');
  watchdog.hold();
  watchdog.stop();
  watchdog.resume();
  watchdog.enter('connect');
  assert.equal(clock.pending, 0);
  clock.advance(100_000);
  assert.equal(expired.length, 0);
});
