/** What a test can see of a server from outside. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** Asks again and again, and fails when it is still not so in time. */
export async function until(isSo: () => Promise<boolean> | boolean, withinMs = 15_000): Promise<void> {
  const deadlineMs = performance.now() + withinMs;
  while (!(await isSo())) {
    assert(performance.now() < deadlineMs, `it was still not so after ${withinMs} ms`);
    await wait(10);
  }
}
