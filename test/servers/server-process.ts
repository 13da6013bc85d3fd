/** A server in a process of its own, with a temporary folder, that ends with us however we end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { openGuard, type User } from './guard.ts';
import { areRunning, type Control, treeOf } from './process-tree.ts';

/** What is started. Started again, the same command brings the same server back. */
export interface Launch {
  readonly folder: string;
  readonly command: readonly string[];
  readonly user: User | undefined;
  readonly environment: NodeJS.ProcessEnv;
  /** Shell commands that end it, with its folder as `$1`. */
  readonly ending: string;
  readonly control: Control;
  /** Fills the folder, once it is sure to be removed again. */
  prepare?(): void;
  /** Whether it answers, and is the one that we started. */
  isReady(): Promise<boolean>;
}

export interface ServerProcess {
  /** Of the process that runs now; changes with each start. */
  readonly pid: number;
  stop(): Promise<void>;
  kill(): void;
  pause(): void;
  resume(): void;
  restart(): Promise<void>;
}

const startMsMax = 30_000;
const quitMsMax = 10_000;
const pollMs = 10;

export function makeServerFolder(kind: string, user: User | undefined): string {
  const folder = mkdtempSync(join(tmpdir(), `millrace-${kind}-`));
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  return folder;
}

/** Nothing of the machine's own settings decides a test. */
export function bareEnvironment(folder: string): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], HOME: folder, LC_ALL: 'C', TZ: 'UTC' };
}

/**
 * Ends the process named in the folder's `pid` file, by force when it takes too long. One that has ended and was not
 * waited for runs no more: whoever takes us over as parent may be late with that, or never do it.
 */
export function endProcess(signal: 'KILL' | 'QUIT'): string {
  return `
runs() { kill -s 0 "$1" && ! grep -qs '^State:.Z' "/proc/$1/status"; }
pid=$(cat "$1/pid" 2>/dev/null)
if [ -n "$pid" ]; then
  kill -s CONT "$pid"
  kill -s ${signal} "$pid"
  tries=0
  while runs "$pid" && [ "$tries" -lt 500 ]; do tries=$((tries + 1)); sleep 0.02; done
  kill -s KILL "$pid"
fi`;
}

/** Resolves when the server answers. A server that does not come up is taken down again, and its log told. */
export async function openServerProcess(launch: Launch): Promise<ServerProcess> {
  const guard = openGuard(launch);
  try {
    launch.prepare?.();
    return await startGuarded(launch, () => guard.close());
  } catch (error) {
    await guard.close();
    throw error;
  }
}

async function startGuarded(launch: Launch, endAll: () => Promise<void>): Promise<ServerProcess> {
  let child = await start(launch);
  /** What a kill has hit, the connections' own processes included. */
  let killed: readonly number[] = [];
  const pid = () => {
    if (child.pid === undefined) throw new Error(`${launch.command[0]} has no process`);
    return child.pid;
  };
  const whileRunning = (act: (pid: number) => void) => {
    if (isRunning(child)) act(pid());
  };
  const kill = () =>
    whileRunning((running) => {
      killed = treeOf(running);
      launch.control.kill(running);
    });
  const resume = () => whileRunning((running) => launch.control.resume(running));
  return {
    get pid() {
      return pid();
    },
    kill,
    pause: () => whileRunning((running) => launch.control.pause(running)),
    resume,
    async stop() {
      resume();
      await endAll();
    },
    async restart() {
      resume();
      whileRunning((running) => launch.control.quit(running));
      if (!(await becomes(() => !isRunning(child), quitMsMax))) kill();
      await becomes(() => !isRunning(child) && !areRunning(killed), quitMsMax);
      child = await start(launch);
    },
  };
}

async function start(launch: Launch): Promise<ChildProcess> {
  const log = openSync(join(launch.folder, 'log'), 'a');
  // It says who it is before it becomes the server: the guard knows of it even when we die this moment.
  const child = spawn('sh', ['-c', 'echo $$ > "$0/pid" && exec "$@"', launch.folder, ...launch.command], {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: launch.folder,
    env: launch.environment,
    ...launch.user,
  });
  closeSync(log);
  child.once('exit', () => rmSync(join(launch.folder, 'pid'), { force: true }));
  await once(child, 'spawn');
  child.unref();
  const deadlineMs = performance.now() + startMsMax;
  while (!(await launch.isReady())) {
    if (!isRunning(child)) throw new StartFailed(launch, 'ended while starting');
    if (performance.now() > deadlineMs)
      throw new StartFailed(launch, `does not answer after ${startMsMax} ms`);
    await wait(pollMs);
  }
  return child;
}

export class StartFailed extends Error {
  readonly log: string;

  constructor(launch: Launch, how: string) {
    const log = readFileSync(join(launch.folder, 'log'), 'utf8');
    super(`${launch.command.join(' ')}\n${how}; its log:\n${log.slice(-4000)}`);
    this.name = 'StartFailed';
    this.log = log;
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

async function becomes(isSo: () => boolean, withinMs: number): Promise<boolean> {
  const deadlineMs = performance.now() + withinMs;
  while (!isSo()) {
    if (performance.now() > deadlineMs) return false;
    await wait(pollMs);
  }
  return true;
}
