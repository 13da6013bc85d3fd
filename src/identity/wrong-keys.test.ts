import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createHeldClock } from '../../test/held-clock.ts';
import { Signal } from '../core/signal.ts';
import { WrongKeys } from './wrong-keys.ts';

test('C14: after a reload nobody waits for longer than the new configuration says, whoever came before it', async () => {
  const clock = createHeldClock();
  const wrongKeys = new WrongKeys(clock, { perSecond: 1, holdMs: 60_000, heldMax: 100 });
  let told = 0;
  const come = () => {
    void (wrongKeys.turn(new Signal()) ?? Promise.resolve()).then(() => {
      told += 1;
    });
  };
  for (let count = 0; count < 90; count += 1) come();
  wrongKeys.follow({ perSecond: 1, holdMs: 100, heldMax: 100 });
  for (let count = 0; count < 5; count += 1) come();
  clock.advance(100);
  await turn();
  assert.equal(told, 95);
  assert.equal(wrongKeys.held, 0);
  assert.equal(clock.pending, 0);
});
