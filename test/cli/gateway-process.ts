/** The real command line in a process of its own, in a folder of its own, on ports that are free. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { canaryVariable, runCanary } from '../run-canary.ts';

export const main = resolve(import.meta.dirname, '../../src/main.ts');

export interface Place {
  readonly folder: string;
  path(name: string): string;
  write(name: string, text: string): Promise<void>;
  read(name: string): Promise<string>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function openPlace(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-test-'));
  return {
    folder,
    path: (name) => join(folder, name),
    write: (name, text) => writeFile(join(folder, name), text),
    read: (name) => readFile(join(folder, name), 'utf8'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  readonly tookMs: number;
}

export interface Command {
  readonly place: Place;
  readonly environment?: Readonly<Record<string, string>>;
  readonly nodeOptions?: readonly string[];
  readonly input?: string;
  /** The gateway's own source, where another version than this one is meant. */
  readonly program?: string;
  /** A command that starts the one that follows it: in a control group, under a tracer. */
  readonly within?: readonly string[];
}

/** Nothing of the machine's own environment decides a test: no keys, no OLLAMA_HOST, no colours. */
export const cleanEnvironment = {
  PATH: process.env['PATH'] ?? '',
  HOME: tmpdir(),
  // Else the first file of each process has its types stripped anew, and what does that is loaded for it alone.
  NODE_COMPILE_CACHE: compileCache(),
  [canaryVariable]: runCanary,
  OLLAMA_HOST: '127.0.0.1:9',
  MILLRACE__LISTEN__ADDRESS: '127.0.0.1:0',
  MILLRACE__ADMIN__LISTEN: '127.0.0.1:0',
  MILLRACE__DRAIN__PRE_STOP_MS: '0',
};

/**
 * Beside that of the test files: V8 takes from it only what was loaded by the same flags, which a gateway changes at its start, and
 * who does not take a file writes it anew, so that the other does not take it then. Empty says that nothing is to be kept.
 */
function compileCache(): string {
  const folder = process.env['NODE_COMPILE_CACHE'] ?? join(tmpdir(), 'node-compile-cache');
  return folder === '' ? '' : join(folder, 'gateways');
}

/** A test that fails may never come to end what it started: nothing outlives its file. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

function start(args: readonly string[], command: Command): ChildProcess {
  const [program = '', ...rest] = [
    ...(command.within ?? []),
    process.execPath,
    ...(command.nodeOptions ?? []),
    command.program ?? main,
    ...args,
  ];
  const child = spawn(program, rest, {
    cwd: command.place.folder,
    env: { ...cleanEnvironment, ...command.environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

export async function millrace(args: readonly string[], command: Command): Promise<Ended> {
  const startedMs = performance.now();
  const child = start(args, command);
  const out = collect(child.stdout);
  const err = collect(child.stderr);
  child.stdin?.end(command.input ?? '');
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out: out.text, err: err.text, tookMs: performance.now() - startedMs };
}

/** What saying the version takes where nothing else runs. */
const versionMs = 100;

/** On a busy machine all is slow: what took too long is held against a start that does nothing, at the same time. */
export async function assertQuick(tookMs: number, msMax: number, place: Place): Promise<void> {
  if (tookMs <= msMax) return;
  const { tookMs: doingNothingMs } = await millrace(['--version'], { place });
  const slowness = Math.max(1, doingNothingMs / versionMs);
  assert.ok(
    tookMs <= msMax * slowness,
    `it took ${tookMs} ms, where saying the version takes ${doingNothingMs} ms`,
  );
}

/** As `| true`: nobody reads what it says. */
export async function unread(args: readonly string[], command: Command) {
  const child = start(args, command);
  child.stdout?.destroy();
  child.stdin?.end();
  const err = collect(child.stderr);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, err: err.text };
}

export interface RunningProcess {
  readonly child: ChildProcess;
  readonly ready: ReadyLine;
  readonly readyMs: number;
  readonly out: () => string;
  /** Resolves with the first line of the log, from now or before, that fits. */
  line(fits: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
  key(): Promise<string>;
  token(): Promise<string>;
  /** Sends a chat as a client would. */
  chat(body: Readonly<Record<string, unknown>>): Promise<Response>;
  /** The memory that the process says it uses. */
  rssBytes(): Promise<number>;
  /** Asks the admin API. */
  admin(path: string, method?: string): Promise<Response>;
  stop(signal?: NodeJS.Signals): Promise<Ended>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ReadyLine {
  readonly clients: string;
  readonly admin: string;
  readonly keyFile: string;
  readonly adminTokenFile: string;
  readonly defaultModel: string;
  readonly configId: string;
  readonly curl: string;
  readonly upstreams: readonly string[];
  readonly limits: readonly string[];
  readonly found: readonly { what: string; used: boolean; says: string }[];
}

export async function serve(args: readonly string[], command: Command): Promise<RunningProcess> {
  const startedMs = performance.now();
  const child = start(['serve', ...args], command);
  const out = collect(child.stdout);
  const err = collect(child.stderr);
  const closed = once(child, 'close').then(([code]) => code as number | null);
  const line = (fits: (line: Record<string, unknown>) => boolean) =>
    new Promise<Record<string, unknown>>((found, lost) => {
      const look = () => {
        const fitting = jsonLines(out.text).find(fits);
        if (fitting === undefined) return;
        child.stdout?.off('data', look);
        found(fitting);
      };
      child.stdout?.on('data', look);
      void closed.then(() => lost(new Error(`the gateway ended without that line:\n${out.text}${err.text}`)));
      look();
    });
  const ready = (await line(({ msg }) => msg === 'ready')) as unknown as ReadyLine;
  const readyMs = performance.now() - startedMs;
  const stop = async (signal: NodeJS.Signals = 'SIGINT') => {
    const askedMs = performance.now();
    if (child.exitCode === null) child.kill(signal);
    const code = await closed;
    return { code, out: out.text, err: err.text, tookMs: performance.now() - askedMs };
  };
  const key = async () => (await readFile(ready.keyFile, 'utf8')).trim();
  const token = async () => (await readFile(ready.adminTokenFile, 'utf8')).trim();
  return {
    child,
    ready,
    readyMs,
    out: () => out.text,
    line,
    key,
    token,
    chat: async (body) =>
      await fetch(`${ready.clients}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${await key()}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'simulator', messages: [{ role: 'user', content: 'hi' }], ...body }),
      }),
    rssBytes: async () => {
      const text = await (await fetch(`${ready.clients}/metrics`)).text();
      return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]);
    },
    admin: async (path, method = 'GET') =>
      await fetch(`${ready.admin}/admin/api/v1/${path}`, {
        method,
        headers: { authorization: `Bearer ${await token()}` },
      }),
    stop,
    [Symbol.asyncDispose]: async () => void (await stop('SIGKILL')),
  };
}

export function jsonLines(text: string): Record<string, unknown>[] {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

function collect(stream: ChildProcess['stdout']): { text: string } {
  const collected = { text: '' };
  stream?.setEncoding('utf8').on('data', (text: string) => {
    collected.text += text;
  });
  return collected;
}
