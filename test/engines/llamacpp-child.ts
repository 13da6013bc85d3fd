/** The llama.cpp engine in a child process, with the tiny model in it. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import OpenAI from 'openai';
import { request } from 'undici';
import { writeTinyGguf } from '../upstream/tiny-gguf.ts';
import { engineFolder, installEngine } from './install-engine.ts';

export interface EngineChild {
  readonly process: ChildProcess;
  readonly ready: ReadyLine;
  readonly url: string;
  readonly client: OpenAI;
  props(): Promise<Props>;
  close(): Promise<void>;
}

export interface ReadyLine {
  readonly ready?: boolean;
  readonly error?: string;
  readonly port?: number;
  readonly model?: string;
  readonly contextSize?: number;
  readonly slots?: number;
  readonly threads?: number;
  readonly loadMs?: number;
}

export interface Props {
  readonly total_slots: number;
  readonly free_slots: number;
  readonly decoded: { readonly batches: number; readonly sequences: number };
  readonly queue: { readonly waiting: number; readonly places: number };
}

/** Of a busy machine; the tiny model loads in less than a second on any other. */
const startMs = 60_000;
const stopMs = 10_000;

export const serverFile = join(engineFolder, 'server.ts');

export interface TinyModel {
  readonly folder: string;
  readonly path: string;
}

export function makeTinyModel(): TinyModel {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-engine-'));
  const path = join(folder, 'tiny.gguf');
  writeTinyGguf(path);
  return { folder, path };
}

export async function openEngineChild(slots: number): Promise<EngineChild> {
  await installEngine();
  const model = makeTinyModel();
  const child = startServer(['--port', '0', '--model', model.path, '--slots', String(slots)]);
  const ready = await firstLine(child);
  const url = `http://127.0.0.1:${ready.port}`;
  return {
    process: child,
    ready,
    url,
    client: new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 }),
    async props() {
      const reply = await request(`${url}/props`);
      return (await reply.body.json()) as Props;
    },
    async close() {
      await stop(child);
      rmSync(model.folder, { recursive: true });
    },
  };
}

export function startServer(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [serverFile, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
}

/** What it says once its model is loaded or the start has failed. */
export function firstLine(child: ChildProcess): Promise<ReadyLine> {
  const { promise, resolve, reject } = Promise.withResolvers<ReadyLine>();
  assert(child.stdout !== null);
  const timer = setTimeout(() => reject(new Error(`the engine said nothing for ${startMs} ms`)), startMs);
  child.once('error', reject);
  createInterface(child.stdout)
    .once('line', (line) => resolve(JSON.parse(line) as ReadyLine))
    .once('close', () => reject(new Error('the engine ended without a word')));
  return promise.finally(() => clearTimeout(timer));
}

/** As it ends with the gateway: nobody holds its standard input any more. */
export async function stop(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exited = once(child, 'exit') as Promise<[number | null]>;
  child.stdin?.end();
  const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
  const [code] = await exited;
  clearTimeout(timer);
  assert.equal(child.signalCode, null, `the engine did not end within ${stopMs} ms`);
  return code;
}

/** Asks again and again, and fails when the answer is still not the one after `withinMs`. */
export async function until(isSo: () => Promise<boolean>, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await isSo())) {
    assert(performance.now() < deadline, `it was still not so after ${withinMs} ms`);
    await wait(5);
  }
}
