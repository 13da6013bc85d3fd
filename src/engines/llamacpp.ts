/**
 * A GGUF file served by llama.cpp in a child process: native code that crashes takes its child along and not us.
 * The child speaks OpenAI's dialect on a socket only we know, so that from there on it is like any other server.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Failure, fail } from '../core/failure.ts';
import type { Flow, Receiver, Transport, UpstreamRequest } from '../core/transport.ts';
import type { Clock } from '../lib/clock.ts';
import { createHttpTransport } from '../net/http-transport.ts';

export interface LlamacppOptions {
  readonly file: string;
  readonly slots: number;
  readonly contextSize: number;
  readonly threads?: number | undefined;
}

const serverFile = fileURLToPath(new URL('../../engines/llamacpp/server.ts', import.meta.url));
/** A child that dies at once is not started again before this: a broken model must not keep the machine busy. */
const restartMs = 5_000;
const stderrCharsMax = 2_000;

export function openLlamacpp(options: LlamacppOptions, clock: Clock): Transport {
  const engine = new Engine(options, clock);
  engine.start();
  return engine;
}

interface Child {
  readonly process: ChildProcess;
  readonly folder: string;
  readonly transport: Transport;
  /** Resolves when the model is loaded; rejects with why it is not. */
  readonly ready: Promise<void>;
  /** Settles when the process is no more, or never began. */
  readonly gone: Promise<void>;
}

class Engine implements Transport {
  readonly #options: LlamacppOptions;
  readonly #clock: Clock;
  #child: Child | undefined;
  #startedMs = Number.NEGATIVE_INFINITY;
  #lastFailure: Failure | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: LlamacppOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  start(): Child {
    this.#startedMs = this.#clock.now();
    const child = spawnChild(this.#options);
    this.#child = child;
    void child.gone.then(() => {
      if (this.#child === child) this.#child = undefined;
      // Whoever closes the engine closes this as well, and it can be closed but once.
      if (this.#closing === undefined) void child.transport.close();
      rmSync(child.folder, { recursive: true, force: true });
    });
    child.ready.then(
      () => {
        this.#lastFailure = undefined;
      },
      (failure: Failure) => {
        this.#lastFailure = failure;
      },
    );
    return child;
  }

  send(request: UpstreamRequest, receiver: Receiver): Flow {
    const child = this.#child ?? this.#restart();
    const flow = new LateFlow();
    if (child === undefined) {
      queueMicrotask(() => receiver.fail(this.#lastFailure ?? notRunning()));
      return flow;
    }
    // Loading counts as connecting for no one: the model's own clocks run on.
    receiver.sent();
    child.ready.then(
      () => flow.follow(() => child.transport.send(request, { ...bound(receiver), sent: () => {} })),
      (failure: Failure) => receiver.fail(failure),
    );
    return flow;
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    await child.transport.close();
    child.process.stdin?.end();
    child.process.kill('SIGTERM');
    const timer = this.#clock.after(2_000, () => child.process.kill('SIGKILL'));
    await child.gone;
    timer.cancel();
  }

  /** Not for requests that outlive a reload: nobody would end what they started. */
  #restart(): Child | undefined {
    const tooSoon = this.#clock.now() - this.#startedMs < restartMs;
    if (tooSoon || this.#closing !== undefined) return undefined;
    try {
      return this.start();
    } catch (cause) {
      // A full disk, or no process left: whoever asks may be served elsewhere.
      this.#lastFailure = fail('connect_failed', 'llama.cpp could not be started again', { cause });
      return undefined;
    }
  }
}

/** The receiver's methods belong to their object; a copy must not lose it. */
function bound(receiver: Receiver): Receiver {
  return {
    sent: () => receiver.sent(),
    head: (status, headers) => receiver.head(status, headers),
    data: (chunk) => receiver.data(chunk),
    end: () => receiver.end(),
    fail: (failure) => receiver.fail(failure),
  };
}

/** A flow that begins when the model is loaded, unless its exchange is over before. */
class LateFlow implements Flow {
  #flow: Flow | undefined;
  #aborted = false;
  #paused = false;

  follow(begin: () => Flow): void {
    if (this.#aborted) return;
    this.#flow = begin();
    if (this.#paused) this.#flow.pause();
  }

  pause(): void {
    this.#paused = true;
    this.#flow?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#flow?.resume();
  }

  abort(): void {
    this.#aborted = true;
    this.#flow?.abort();
  }
}

function spawnChild(options: LlamacppOptions): Child {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-llamacpp-'));
  const socketPath =
    process.platform === 'win32' ? `\\\\.\\pipe\\${folder.split('\\').at(-1)}` : join(folder, 'socket');
  const args = ['--socket', socketPath, '--model', options.file, '--slots', String(options.slots)];
  args.push('--context', String(options.contextSize));
  if (options.threads !== undefined) args.push('--threads', String(options.threads));
  const child = spawn(process.execPath, [serverFile, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  const transport = createHttpTransport({
    origin: 'http://llamacpp',
    basePath: '/v1',
    socketPath,
    headers: [],
    connections: options.slots + 2,
    idleMax: options.slots + 2,
    connectMs: 5_000,
    keepAliveMs: 30_000,
  });
  // This comes also where a process could not begin at all, and no exit does.
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return { process: child, folder, transport, ready: readiness(child), gone };
}

function readiness(child: ChildProcess): Promise<void> {
  let said = '';
  // Its standard input only tells it that we live; that it is gone already is told by its exit.
  child.stdin?.on('error', () => {});
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-stderrCharsMax);
  });
  return new Promise((resolve, reject) => {
    const refuse = (reason: string) =>
      reject(
        fail('connect_failed', `llama.cpp could not serve the model: ${reason}`, { cause: new Error(said) }),
      );
    child.once('error', (error) => refuse(error.message));
    child.once('exit', (code) => refuse(`its process ended with ${code ?? 'a signal'}`));
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).once('line', (line) => {
      const told = parseReadyLine(line);
      if (told.ready === true) resolve();
      else refuse(told.error ?? 'it said something unexpected');
    });
  });
}

function parseReadyLine(line: string): { ready?: boolean; error?: string } {
  try {
    return JSON.parse(line) as { ready?: boolean; error?: string };
  } catch {
    // Not our line: the caller says that it was unexpected.
    return {};
  }
}

function notRunning(): Failure {
  return fail('connect_failed', 'llama.cpp ended, and is not started again yet');
}
