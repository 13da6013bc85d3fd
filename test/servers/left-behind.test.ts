/** However a test process ends, its servers end too, and their folders with them. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { isListening, until } from './listening.ts';

const kinds = { redis: 'openRedisServer', postgres: 'openPostgresServer' } as const;

interface Opener {
  readonly child: ChildProcess;
  readonly port: number;
  /** Empty again when nothing is left. */
  readonly temporary: string;
}

const stays = 'setInterval(() => {}, 1e6)';

for (const kind of ['redis', 'postgres'] as const) {
  test(`a ${kind} ends with a process that is killed`, async () => {
    const opener = await open(kind, stays);
    assert.equal(await isListening(opener.port), true);
    opener.child.kill('SIGKILL');
    await leavesNothing(opener);
  });

  test(`a ${kind} that is paused ends with a process that is killed`, async () => {
    const opener = await open(kind, `server.pause(); ${stays}`);
    opener.child.kill('SIGKILL');
    await leavesNothing(opener);
  });

  test(`a ${kind} that crashed leaves nothing when its process is killed`, async () => {
    const opener = await open(kind, `server.kill(); ${stays}`);
    opener.child.kill('SIGKILL');
    await leavesNothing(opener);
  });

  test(`a ${kind} that nobody stopped lets its process end, and ends with it`, async () => {
    const opener = await open(kind, '');
    if (opener.child.exitCode === null) await once(opener.child, 'exit');
    assert.equal(opener.child.exitCode, 0);
    await leavesNothing(opener);
  });
}

/** In a process of its own, with a temporary folder of its own. */
async function open(kind: keyof typeof kinds, then: string): Promise<Opener> {
  const temporary = await mkdtemp(join(tmpdir(), 'millrace-opener-'));
  // PostgreSQL runs as somebody else when we are root.
  await chmod(temporary, 0o1777);
  const module = new URL(`${kind}-server.ts`, import.meta.url);
  const program = `
    import { ${kinds[kind]} as open } from ${JSON.stringify(module.href)};
    const server = await open();
    console.log(server.port);
    ${then}`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TMPDIR: temporary, NODE_COMPILE_CACHE: '' },
  });
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`the opener ended with ${code} before it had a server`);
  });
  const [line] = (await Promise.race([once(createInterface(child.stdout), 'line'), failed])) as [string];
  // From here on its end is what the tests are about.
  failed.catch(() => undefined);
  return { child, port: Number(line), temporary };
}

async function leavesNothing({ port, temporary }: Opener): Promise<void> {
  await until(async () => !(await isListening(port)));
  await until(async () => (await readdir(temporary)).length === 0);
  await rmdir(temporary);
}
