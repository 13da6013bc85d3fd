/** The llama.cpp engine as a process: how it starts, fails to start, and ends. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client } from 'undici';
import { engineFolder, installEngine } from './install-engine.ts';
import {
  firstLine,
  makeTinyModel,
  serverFile,
  startServer,
  stop,
  type TinyModel,
  until,
} from './llamacpp-child.ts';

let model: TinyModel;
before(async () => {
  await installEngine();
  model = makeTinyModel();
});
after(() => rmSync(model.folder, { recursive: true }));

function socketPath(name: string): string {
  return process.platform === 'win32'
    ? `\\\\.\\pipe\\millrace-${process.pid}-${name}`
    : join(model.folder, `${name}.sock`);
}

test('it serves on a socket, and goes when its standard input ends, busy or not', async () => {
  const socket = socketPath('stdin');
  const child = startServer(['--socket', socket, '--model', model.path, '--slots', '2', '--context', '512']);
  const ready = await firstLine(child);
  assert.equal(ready.contextSize, 512);
  assert.equal(ready.slots, 2);

  const client = new Client('http://engine', { socketPath: socket });
  const reply = await client.request({
    path: '/v1/completions',
    method: 'POST',
    body: JSON.stringify({ prompt: 'x', stream: true }),
  });
  reply.body.on('error', () => undefined);
  await once(reply.body, 'readable');
  assert.equal(await stop(child), 0);
  await client.destroy();
  if (process.platform !== 'win32') assert(!existsSync(socket), 'its socket is still there');
});

test('it goes when its parent is killed', async () => {
  const socket = socketPath('orphan');
  const launcher = join(model.folder, 'launcher.mjs');
  const args = JSON.stringify([serverFile, '--socket', socket, '--model', model.path, '--slots', '1']);
  writeFileSync(
    launcher,
    `import { spawn } from 'node:child_process';
    spawn(process.execPath, ${args}, { stdio: ['pipe', 'inherit', 'inherit'] });`,
  );
  const parent = spawn(process.execPath, [launcher], { stdio: ['ignore', 'pipe', 'inherit'] });
  assert.equal((await firstLine(parent)).ready, true);
  const connection = connect(socket);
  await once(connection, 'connect');
  // Whether it is closed or reset is up to the system.
  const closed = new Promise((resolve) => connection.once('close', resolve));
  connection.on('error', () => undefined).resume();
  parent.kill('SIGKILL');
  await closed;
  await until(async () => !(await answers(socket)), 5000);
});

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.once('connect', () => resolve(true)).once('error', () => resolve(false));
    connection.once('connect', () => connection.destroy());
  });
}

const failures: readonly [what: string, args: () => string[], message: RegExp][] = [
  ['no model', () => ['--socket', socketPath('none')], /usage: /],
  ['no address', () => ['--model', model.path], /usage: /],
  ['a model that is not there', () => ['--port', '0', '--model', join(model.folder, 'none.gguf')], /ENOENT/],
  ['a file that is no model', () => ['--port', '0', '--model', serverFile], /GGUF/],
  ['a count that is none', () => ['--port', '0', '--model', model.path, '--slots', '0'], /--slots must be/],
];
for (const [what, args, message] of failures) {
  test(`with ${what} it says what is wrong and ends with 1`, async () => {
    const child = startServer(args());
    const exited = once(child, 'exit');
    assert.match((await firstLine(child)).error ?? '', message);
    assert.deepEqual(await exited, [1, null]);
  });
}

test('where its packages are not installed it says which command installs them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-engine-bare-'));
  cpSync(engineFolder, folder, {
    recursive: true,
    filter: (path) => !path.includes('node_modules'),
  });
  const child = spawn(process.execPath, [join(folder, 'server.ts'), '--port', '0', '--model', model.path], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const exited = once(child, 'exit');
  assert.match((await firstLine(child)).error ?? '', /run npm ci in engines\/llamacpp/);
  assert.deepEqual(await exited, [1, null]);
  rmSync(folder, { recursive: true });
});

interface LockedPackage {
  readonly name?: string;
  readonly resolved?: string;
  readonly cpu?: readonly string[];
  readonly optional?: boolean;
}

test('its lockfile names no download address, no GPU package, and one processor for each binary', () => {
  const text = readFileSync(join(engineFolder, 'package-lock.json'), 'utf8');
  const { packages } = JSON.parse(text) as { packages: Readonly<Record<string, LockedPackage>> };
  for (const [path, locked] of Object.entries(packages)) {
    assert.equal(locked.resolved, undefined, `${path} has a download address`);
    if (!path.includes('@node-llama-cpp/')) continue;
    // npm would put the packages that name x64 beside their own processor on every x64 machine: leave one.
    assert.equal(locked.cpu?.length, 1, `${path} must name one processor`);
    assert.equal(locked.optional, true);
    const standIn = /cuda|vulkan/.test(path);
    assert.equal(locked.name, standIn ? '@node-llama-cpp/linux-riscv64' : undefined, path);
  }
  for (const platform of ['linux-x64', 'linux-arm64', 'mac-arm64-metal', 'mac-x64', 'win-x64', 'win-arm64']) {
    assert(packages[`node_modules/@node-llama-cpp/${platform}`] !== undefined, `${platform} is missing`);
  }
});
