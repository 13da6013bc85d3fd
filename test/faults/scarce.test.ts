// P7, K1: a process that runs out of file descriptors or disk goes on with what it can, and comes back.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { openPlace, type RunningProcess, serve } from '../cli/gateway-process.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { until } from './rig.ts';

const filesMax = 256;

async function openRunning(t: { after(run: () => Promise<unknown>): void }, prepare: (data: string) => void) {
  const place = await openPlace();
  const llm = await openFakeLlm();
  const config = {
    data: 'data',
    upstreams: { a: { type: 'openai', url: `${llm.url}/v1`, keepAliveMs: 50 } },
    models: { o: { targets: [{ upstream: 'a', model: 'fake-model' }] } },
  };
  await place.write('millrace.yaml', JSON.stringify(config));
  mkdirSync(place.path('data'), { mode: 0o700 });
  prepare(place.path('data'));
  const running = await serve(['--config', place.path('millrace.yaml')], { place });
  t.after(async () => {
    await running.stop('SIGKILL');
    await llm.close();
    await place[Symbol.asyncDispose]();
  });
  return { running, llm };
}

/** Seconds of CPU that the process has used. */
function cpuOf({ child }: RunningProcess): number {
  const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** The number that the next file, or socket, would get. */
function lowestFree({ child }: RunningProcess): number {
  const open = new Set(readdirSync(`/proc/${child.pid}/fd`).map(Number));
  let number = 0;
  while (open.has(number)) number += 1;
  return number;
}

const chat = async (running: RunningProcess) => {
  const response = await running.chat({ model: 'o' });
  await response.text();
  return response.status;
};

test('P7: without a file descriptor left the gateway neither spins nor dies, and serves again when there are some', async (t) => {
  const { running } = await openRunning(t, () => {});
  assert.equal(await chat(running), 200);
  execFileSync('prlimit', ['--pid', String(running.child.pid), `--nofile=${filesMax}:${filesMax}`]);
  const { port } = new URL(running.ready.clients);
  const sockets: Socket[] = [];
  const closed = new Set<Socket>();
  for (let count = 0; count < filesMax * 2; count += 1) {
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => {});
    socket.on('close', () => closed.add(socket));
    sockets.push(socket);
  }
  await until('all are connected or refused', () => sockets.every((socket) => !socket.connecting));
  const before = cpuOf(running);
  const startedAt = performance.now();
  await until('a second is over', () => performance.now() - startedAt > 1_000);
  const used = cpuOf(running) - before;
  t.diagnostic(
    `${closed.size} of ${sockets.length} connections were refused; ${used.toFixed(2)} s of CPU in a second`,
  );
  assert.ok(used < 0.5, `it used ${used} s of CPU in a second`);
  assert.equal(running.child.exitCode, null);
  for (const socket of sockets) socket.destroy();
  await until('it serves again', async () => (await chat(running).catch(() => 0)) === 200);
});

test('P7: an upstream that cannot be reached for want of a descriptor is 503, and not the upstream’s fault', async (t) => {
  const { running, llm } = await openRunning(t, () => {});
  const key = await running.key();
  const { port } = new URL(running.ready.clients);
  const client = connect(Number(port), '127.0.0.1');
  t.after(async () => client.destroy());
  await new Promise((resolve) => client.once('connect', resolve));
  // The connection on which the models were listed goes first.
  await until('it is closed', () => llm.openConnections() === 0);
  const free = lowestFree(running);
  execFileSync('prlimit', ['--pid', String(running.child.pid), `--nofile=${free}:${filesMax}`]);
  const body = JSON.stringify({ model: 'o', messages: [{ role: 'user', content: 'hi' }] });
  let told = '';
  client.on('data', (data) => {
    told += data.toString();
  });
  client.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\n` +
      `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  await until('it answers', () => told.includes('\r\n\r\n{'));
  assert.match(told, /^HTTP\/1\.1 503/);
  assert.match(told, /"code":"dependency_unavailable"/);
  execFileSync('prlimit', ['--pid', String(running.child.pid), `--nofile=${filesMax}:${filesMax}`]);
  assert.equal(await chat(running), 200);
});

test('K1: where nothing can be written requests are served as before, and what is lost is counted and told once', async (t) => {
  const { running } = await openRunning(t, (data) => symlinkSync('/proc', `${data}/spool`));
  for (let count = 0; count < 20; count += 1) assert.equal(await chat(running), 200);
  const trouble = await running.line(({ msg }) => String(msg).includes('cannot be kept'));
  assert.equal(trouble['level'], 50);
  const lost = async () => {
    const text = await (await fetch(`${running.ready.clients}/metrics`)).text();
    return Number(/^millrace_spool_lost (\d+)$/m.exec(text)?.[1]);
  };
  await until('they are counted', async () => (await lost()) >= 20);
  const { out } = await running.stop('SIGTERM');
  // The alert, which nobody is named for here, stands in the log as a warning of its own.
  const levels = [...out.matchAll(/"level":(\d+).*cannot be kept/g)].map(([, level]) => Number(level));
  assert.deepEqual(levels, [50, 40]);
});
