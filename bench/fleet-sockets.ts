/**
 * The balancing table's claim over sockets, compressed: `node bench/fleet-sockets.ts [REQUESTS] [LOAD]`. Three servers with the slots
 * and speeds of the published simulation, fifty times as fast; the gateway as a process, configured with addresses and slots
 * alone, and nginx with `least_conn` beside it, under the same arrivals in turns; and what the central queue, which knows the true
 * speeds, would have made of these arrivals, in virtual time.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, request, type Server } from 'node:http';
import { type AddressInfo, createServer as createSocketServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { centralQueue } from './fleet/bound-early.ts';
import { createJobs, type Job, type ServerKind, unevenServers } from './fleet/jobs.ts';
import { outcomeOf } from './fleet/outcome.ts';
import { openaiAnswer } from './fleet/working-server.ts';
import { spreadOf } from './statistics.ts';
import { tellGoal } from './tell-goal.ts';

const compression = 50;
const count = Number(process.argv[2] ?? 1_200);
const load = Number(process.argv[3] ?? 0.7);
/** One run of a contestant tells little: its p99 is that of a dozen requests. */
const rounds = 3;
const seed = 7;
const startMs = 30_000;

const folder = mkdtempSync(join(tmpdir(), 'millrace-fleet-'));
const servers = await Promise.all(unevenServers.map(openServer));
const ports = servers.map((server) => (server.address() as AddressInfo).port);
const started: ChildProcess[] = [];
try {
  const jobs = createJobs({ servers: unevenServers, load, count, seed });
  const contestants = [
    ['millrace, auto', await startMillrace()],
    ['nginx, least_conn', await startNginx()],
  ] as const;
  console.log(
    `${count} requests at load ${load}, seed ${seed}, servers of ${unevenServers.map(({ slots, speed }) => `${slots} slots × ${speed}`).join(', ')}, times ÷ ${compression}; s as in the table of bench/fleet.ts`,
  );
  const p99s = contestants.map((): number[] => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [at, [name, port]] of contestants.entries()) {
      const { meanMs, p99Ms, p50Ms } = outcomeOf(await play(jobs, port), 0);
      const [mean, p50, p99] = [meanMs, p50Ms, p99Ms].map((ms) => (ms * compression) / 1_000);
      p99s[at]?.push(p99 ?? Number.NaN);
      console.log(`${name}: mean ${mean?.toFixed(2)}, p50 ${p50?.toFixed(2)}, p99 ${p99?.toFixed(2)}`);
    }
  }
  const central = (await centralQueue(jobs, unevenServers)).p99Ms / 1_000;
  console.log(`central queue, true speeds, virtual time: p99 ${central.toFixed(2)}`);
  const [ours = Number.NaN, theirs = Number.NaN] = p99s.map((values) => spreadOf(values)?.median);
  const [ofNginx, ofCentral] = [ours / theirs, ours / central];
  tellGoal({
    text: 'over sockets: p99, of nginx least_conn’s, medians',
    bound: '< 1',
    found: ofNginx,
    isMet: ofNginx < 1,
  });
  tellGoal({
    text: 'over sockets: p99, median, of the central queue’s for these arrivals',
    bound: '≤ 1.1',
    found: ofCentral,
    isMet: ofCentral <= 1.1,
  });
} finally {
  for (const child of started) child.kill('SIGTERM');
  for (const server of servers) server.closeAllConnections();
  for (const server of servers) server.close();
  await Promise.all(
    started.map((child) => child.exitCode ?? new Promise((resolve) => child.once('exit', resolve))),
  );
  rmSync(folder, { recursive: true });
}

/** Works on so many requests at once and lets the others wait; the work stands in the message, in milliseconds. */
async function openServer({ slots, speed }: ServerKind): Promise<Server> {
  let busy = 0;
  const waiting: (() => void)[] = [];
  const next = () => {
    if (busy < slots) waiting.shift()?.();
  };
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      if (incoming.method === 'GET') {
        outgoing.end(JSON.stringify({ object: 'list', data: [{ id: 'm', object: 'model' }] }));
        return;
      }
      const { messages } = JSON.parse(Buffer.concat(chunks).toString()) as {
        messages: { content: string }[];
      };
      const workMs = Number(messages[0]?.content);
      waiting.push(() => {
        busy += 1;
        setTimeout(() => {
          busy -= 1;
          outgoing.setHeader('content-type', 'application/json');
          outgoing.end(openaiAnswer({ workMs }));
          next();
        }, workMs / speed);
      });
      next();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/** Each comes in its time, whether those before it are done or not. */
async function play(jobs: readonly Job[], port: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1_000 });
  const took: number[] = [];
  const begunMs = performance.now();
  const all: Promise<void>[] = [];
  for (const { arrivesMs, workMs } of jobs) {
    const dueMs = begunMs + arrivesMs / compression;
    const restMs = dueMs - performance.now();
    if (restMs > 0) await sleep(restMs);
    all.push(ask(agent, port, workMs / compression).then(() => void took.push(performance.now() - dueMs)));
  }
  await Promise.all(all);
  agent.destroy();
  return took;
}

function ask(agent: Agent, port: number, workMs: number): Promise<void> {
  const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: String(workMs) }] });
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const asked = request(
      { agent, port, host: '127.0.0.1', path: '/v1/chat/completions', method: 'POST', headers },
      (answer) => {
        answer.resume();
        answer.on('end', () =>
          answer.statusCode === 200 ? resolve() : reject(new Error(`answered with ${answer.statusCode}`)),
        );
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}

async function startMillrace(): Promise<number> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const upstreams = ports.map(
    (upstreamPort, index) =>
      `  s${index}: { type: openai, url: "http://127.0.0.1:${upstreamPort}/v1", slots: ${unevenServers[index]?.slots} }`,
  );
  const targets = ports.map((_, index) => `{ upstream: s${index}, model: m }`).join(', ');
  const path = join(folder, 'millrace.yaml');
  writeFileSync(
    path,
    [
      `listen: 127.0.0.1:${port}`,
      `admin: { listen: "127.0.0.1:${adminPort}" }`,
      `data: ${join(folder, 'data')}`,
      'auth: none',
      'upstreams:',
      ...upstreams,
      'models:',
      `  m: { targets: [ ${targets} ], clocks: { queueMs: 600000 } }`,
      '',
    ].join('\n'),
  );
  const main = join(import.meta.dirname, '../src/main.ts');
  start(process.execPath, [main, 'serve', '--config', path]);
  await untilAnswering(port);
  return port;
}

async function startNginx(): Promise<number> {
  const port = await freePort();
  const path = join(folder, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${join(folder, kind)};`,
  );
  writeFileSync(
    path,
    `daemon off; pid ${join(folder, 'nginx.pid')}; events {}
http { ${temporary.join(' ')} access_log off;
  upstream fleet { least_conn; ${ports.map((each) => `server 127.0.0.1:${each};`).join(' ')} keepalive 64; }
  server { listen 127.0.0.1:${port}; location / { proxy_pass http://fleet; proxy_http_version 1.1;
    proxy_set_header Connection ""; proxy_read_timeout 600s; } } }
`,
  );
  start('/usr/sbin/nginx', ['-p', folder, '-c', path, '-e', 'stderr']);
  await untilAnswering(port);
  return port;
}

function start(file: string, args: readonly string[]): void {
  started.push(spawn(file, args, { stdio: ['ignore', 'ignore', 'inherit'] }));
}

async function freePort(): Promise<number> {
  const server = createSocketServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function untilAnswering(port: number): Promise<void> {
  const agent = new Agent();
  const deadlineMs = performance.now() + startMs;
  for (;;) {
    try {
      await ask(agent, port, 1);
      return;
    } catch (thrown) {
      if (performance.now() > deadlineMs) throw thrown;
      await sleep(100);
    }
  }
}
