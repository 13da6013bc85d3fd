import assert from 'node:assert/strict';
import cluster from 'node:cluster';
import { once } from 'node:events';
import { test } from 'node:test';
import { createHeldClock } from '../../../test/held-clock.ts';
import { WorkerProcess } from './worker-process.ts';

const answers = { metrics: () => '' };

/** Answers the first question, and ends at the second. */
const answersOnce = `process.once('message', ({ id }) => {
  process.send({ id, answer: { clients: 7070, redirect: undefined } });
  process.on('message', () => process.exit(3));
})`;

function fork(script: string) {
  cluster.setupPrimary({ exec: '-', execArgv: ['--eval', script], serialization: 'advanced' });
  const clock = createHeldClock();
  const its = new WorkerProcess({ clock, answers, hungMs: 'never', onHung: () => {} });
  return { clock, its };
}

const given = {} as Parameters<WorkerProcess['start']>[0];

test('how long a worker served is counted from its first connection on: one that never began served for no time', async () => {
  const well = fork(answersOnce);
  well.clock.advance(50_000);
  assert.deepEqual(await well.its.start(given), { clients: 7070, redirect: undefined });
  well.clock.advance(31_000);
  well.its.drain(0);
  assert.deepEqual(await well.its.ended, { how: 'code 3', servedMs: 31_000 });
  const hung = fork('setInterval(() => {}, 1_000)');
  await once(cluster, 'online');
  const refused = assert.rejects(hung.its.start(given), /has not within 60000 ms/);
  hung.clock.advance(60_000);
  await refused;
  hung.its.kill();
  assert.deepEqual(await hung.its.ended, { how: 'signal SIGKILL', servedMs: 0 });
});
