import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, test } from 'node:test';
import { until } from './listening.ts';
import { areRunning, processControl, treeOf } from './process-tree.ts';

const control = processControl('SIGTERM');
const family = `
  const child = require('node:child_process').spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
  process.once('SIGTERM', () => process.exit(child.kill() ? 7 : 1));
  child.once('spawn', () => console.log('ready'));`;

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
  assert.equal(treeOf(pid).length, 2);
});

test('a kill reaches all of a tree', async () => {
  const tree = treeOf(pid);
  const exited = once(parent, 'exit');
  control.kill(pid);
  assert.deepEqual(await exited, [null, 'SIGKILL']);
  await until(() => !areRunning(tree));
});

test('a pause stops all of a tree, and a resume lets it go on', async () => {
  const tree = treeOf(pid);
  control.pause(pid);
  await until(() => tree.every((each) => stateOf(each) === 'T'));
  control.resume(pid);
  await until(() => tree.every((each) => stateOf(each) === 'S'));
});

test('what is gone takes signals without complaint', async () => {
  const exited = once(parent, 'exit');
  control.quit(pid);
  assert.deepEqual(await exited, [7, null]);
  control.quit(pid);
  control.pause(pid);
  control.resume(pid);
});

/** `T` for one that is stopped, `S` for one that waits. */
function stateOf(pid: number): string {
  return spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
    .stdout.trim()
    .slice(0, 1);
}
