/** The fake LLM in a process of its own, which can be killed and stopped. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';

export interface LlmProcess {
  readonly child: ChildProcess;
  readonly port: number;
  readonly url: string;
}

const serve = resolve(import.meta.dirname, 'serve.ts');

/** `args` as `serve.ts` takes them. It ends with the test. */
export async function spawnLlm(
  t: Pick<TestContext, 'after'>,
  { port = 0, args = [] }: { readonly port?: number; readonly args?: readonly string[] } = {},
): Promise<LlmProcess> {
  const child = spawn(process.execPath, [serve, '--port', String(port), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(async () => {
    child.kill('SIGCONT');
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  assert.ok(child.stdout);
  for await (const line of createInterface(child.stdout)) {
    const url = /http:\S+/.exec(line)?.[0];
    if (url !== undefined) return { child, url, port: Number(new URL(url).port) };
  }
  throw new Error('the fake LLM ended before it listened');
}
