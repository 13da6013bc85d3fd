import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, test } from 'node:test';
import { until } from './listening.ts';
import { areRunning, processControl, treeOf } from './process-tree.ts';

const control = processControl('SIGTERM');
const family = `
  const { spawn } = require('node:child_process');
  const child = spawn('sh', ['-c', 'while :; do echo alive; sleep 0.01; done'], { detached: true, stdio: ['ignore', 1, 1] });
  process.once('SIGTERM', () => process.exit(child.kill() ? 7 : 1));
  setInterval(() => {}, 1e6);`;

/** A process with a child in a session of its own, as each connection of PostgreSQL has one. */
let parent: ChildProcess;
let pid: number;
beforeEach(async () => {
  parent = spawn(process.execPath, ['--eval', family], { stdio: ['ignore', 'pipe', 'inherit'] });
  pid = parent.pid ?? assert.fail('it has no process');
  assert(parent.stdout !== null);
  await once(parent.stdout, 'data');
});
afterEach(() => control.kill(pid));

test('a tree is the process and all that it has started', () => {
  assert(treeOf(pid).length >= 2);
});

test('a kill reaches all of a tree', async () => {
  const tree = treeOf(pid);
  const exited = once(parent, 'exit');
  control.kill(pid);
  assert.deepEqual(await exited, [null, 'SIGKILL']);
  await until(() => !areRunning(tree));
});

test('a pause stops all of a tree, and a resume lets it go on', async () => {
  assert(parent.stdout !== null);
  control.pause(pid);
  const stopped = treeOf(pid);
  await until(() => stopped.every((each) => /[TZ]/.test(stateOf(each))));
  assert(stopped.length >= 2);
  control.resume(pid);
  await once(parent.stdout, 'data');
  await until(() => stateOf(pid) !== 'T');
});

test('what is gone takes signals without complaint', async () => {
  const exited = once(parent, 'exit');
  control.quit(pid);
  assert.deepEqual(await exited, [7, null]);
  control.quit(pid);
  control.pause(pid);
  control.resume(pid);
});

/** `T` for one that is stopped, `Z` for one that ended and is not waited for, as its parent is stopped. */
function stateOf(pid: number): string {
  return spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
    .stdout.trim()
    .slice(0, 1);
}
