import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeldClock } from '../../../test/held-clock.ts';
import { ReconnectPause } from './reconnect-pause.ts';

/** Passes the time until it may be tried again; gives how long that was. */
function passed(pause: ReconnectPause, clock: ReturnType<typeof createHeldClock>): number {
  const fromMs = clock.now();
  while (pause.reason !== undefined) clock.advance(1);
  return clock.now() - fromMs;
}

test('DP13: pauses grow twofold to two seconds, and begin anew when a connection was had', () => {
  const clock = createHeldClock();
  const pause = new ReconnectPause(clock);
  const full = new Error('sorry, too many clients already');
  assert.equal(pause.reason, undefined);
  for (const mostMs of [100, 200, 400, 800, 1_600, 2_000, 2_000]) {
    pause.failed(full);
    assert.equal(pause.reason, full);
    const tookMs = passed(pause, clock);
    assert.ok(tookMs >= mostMs / 2 && tookMs <= mostMs + 1, `${tookMs} ms of ${mostMs}`);
  }
  pause.failed(full);
  pause.succeeded();
  assert.equal(pause.reason, undefined);
  pause.failed(full);
  assert.ok(passed(pause, clock) <= 101);
});

test('DP13: replicas that lost the server in one moment do not come back to it in one', () => {
  const clock = createHeldClock();
  const pauses = Array.from({ length: 100 }, () => new ReconnectPause(clock));
  // After six failures the pause is as long as it gets.
  for (let failure = 0; failure < 6; failure += 1) {
    for (const pause of pauses) pause.failed(new Error('gone'));
    clock.advance(2_000);
  }
  for (const pause of pauses) pause.failed(new Error('gone'));
  const backAtOnce: number[] = [];
  for (let waiting = pauses.length; waiting > 0; ) {
    clock.advance(50);
    const left = pauses.filter(({ reason }) => reason !== undefined).length;
    backAtOnce.push(waiting - left);
    waiting = left;
  }
  assert.ok(backAtOnce.length > 10, `over ${backAtOnce.length * 50} ms`);
  assert.ok(Math.max(...backAtOnce) <= 30, `${Math.max(...backAtOnce)} of 100 within 50 ms`);
});

test('DP13: many who fail together count once', () => {
  const clock = createHeldClock();
  const pause = new ReconnectPause(clock);
  for (let count = 0; count < 50; count += 1) pause.failed(new Error('gone'));
  assert.ok(passed(pause, clock) <= 101);
});
