// Starting and ending the processes of a run, each pinned to its core where the machine can do that.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly folder?: string;
}

export interface Pinning {
  readonly gateway: number | undefined;
  readonly mock: number | undefined;
  readonly generator: number | undefined;
}

const killAfterMs = 3_000;

/** The gateway alone on one core; with three or more the mock and the generator are apart as well. */
export function choosePinning(): Pinning {
  const cores = availableParallelism();
  if (cores < 2 || !isInstalled('taskset'))
    return { gateway: undefined, mock: undefined, generator: undefined };
  return { gateway: 0, mock: cores > 2 ? 2 : 1, generator: 1 };
}

export function isInstalled(program: string): boolean {
  try {
    execFileSync('sh', ['-c', 'command -v "$1"', 'sh', program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Its output goes nowhere, as in production, except for what it says before it dies. */
export class Child {
  readonly process: ChildProcess;
  readonly #errorsPath: string;

  constructor(command: Command, options: { core: number | undefined; logFolder: string; hasIpc?: boolean }) {
    const { core, logFolder, hasIpc = false } = options;
    this.#errorsPath = join(logFolder, `stderr-${Math.random().toString(36).slice(2)}.log`);
    const pinned = core === undefined ? [] : ['taskset', '-c', String(core)];
    const [file = command.file, ...args] = [...pinned, command.file, ...command.args];
    this.process = spawn(file, args, {
      stdio: ['ignore', 'ignore', openSync(this.#errorsPath, 'w'), ...(hasIpc ? (['ipc'] as const) : [])],
      env: { ...process.env, ...command.env },
      ...(command.folder === undefined ? {} : { cwd: command.folder }),
    });
    // A missing program shows as an exit without a code, which `isRunning` tells.
    this.process.on('error', () => undefined);
  }

  get id(): number {
    return this.process.pid ?? 0;
  }

  get isRunning(): boolean {
    return (
      this.process.pid !== undefined && this.process.exitCode === null && this.process.signalCode === null
    );
  }

  get lastWords(): string {
    return readFileSync(this.#errorsPath, 'utf8').trim().slice(-600);
  }

  /** One message out, the next one in. */
  async ask(message: object | undefined, timeoutMs: number): Promise<unknown> {
    const signal = AbortSignal.timeout(timeoutMs);
    const ended = new AbortController();
    const answered = once(this.process, 'message', { signal: AbortSignal.any([signal, ended.signal]) });
    const onExit = () => ended.abort(new Error(`a process of the rig ended: ${this.lastWords}`));
    this.process.once('exit', onExit);
    if (message !== undefined) this.process.send(message);
    try {
      return (await answered)[0];
    } finally {
      this.process.off('exit', onExit);
    }
  }

  async stop(): Promise<void> {
    if (!this.isRunning) return;
    const exited = once(this.process, 'exit');
    this.process.kill('SIGTERM');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), killAfterMs);
    await exited;
    clearTimeout(timer);
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port to listen on');
  return address.port;
}
