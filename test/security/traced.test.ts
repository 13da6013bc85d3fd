/**
 * A whole gateway under strace (G7): whatever is asked of it, of either listener, it starts no process. The table in
 * `tidy.test.ts` says which files could.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { before, type TestContext, test } from 'node:test';
import { openReceiver, secret, status } from '../alerts/rig.ts';
import { openPlace, type Place, type RunningProcess, serve } from '../cli/gateway-process.ts';
import { until } from '../faults/rig.ts';
import { createHeldClock } from '../held-clock.ts';
import { openHandMadeIssuer, trusting } from '../identity/hand-made-issuer.ts';
import { runMasterKey } from '../run-canary.ts';
import { isThere } from '../servers/install-kernel-tools.ts';
import { openPostgresServer } from '../servers/postgres-server.ts';
import { openRedisServer } from '../servers/redis-server.ts';

const bait = 'started-by-a-request';
const run = `touch ${bait}`;

/** As whoever hopes for a shell, a template, a file or a prototype would ask. */
const hostile: readonly Readonly<Record<string, unknown>>[] = [
  { command: '/bin/sh', args: ['-c', run], type: 'stdio' },
  { exec: run, shell: true, env: { NODE_OPTIONS: `--require ./${bait}` }, cwd: '/' },
  { path: '../../../../bin/sh', file: '/etc/passwd', module: 'node:child_process', plugin: './evil.js' },
  { name: '{{7*7}}', text: '{{constructor.constructor("return process")()}}', template: '<%= 7*7 %>' },
  { name: `$(${run})`, note: `\`${run}\``, value: '$' + `{7*7}` },
  JSON.parse(
    `{"__proto__":{"command":"/bin/sh","shell":true},"constructor":{"prototype":{"shell":"/bin/sh"}}}`,
  ),
];
const names = ['{{7*7}}', '$' + '{7*7}', '__proto__', `;${run}`, '../../bin/sh'];
/** What any of those would come to. */
const evaluated = /(?<!\d)49(?!\d)/;

let reason: string | undefined;

interface Traced {
  readonly place: Place;
  readonly gateway: RunningProcess;
}

async function openTraced(t: TestContext, config: object): Promise<Traced> {
  const place = await openPlace();
  await place.write('millrace.yaml', JSON.stringify(config));
  const within = tracerTo(place.path('trace'));
  const gateway = await serve(['--config', 'millrace.yaml'], { place, within });
  t.after(async () => {
    // Whoever traces passes no signal on.
    process.kill(await processOf(place), 'SIGINT');
    await gateway.stop('SIGCONT');
    await place[Symbol.asyncDispose]();
  });
  return { place, gateway };
}

const tracerTo = (path: string) =>
  ['strace', '-f', '-qq', '--seccomp-bpf', '-e', 'trace=execve,execveat', '-o', path] as const;

async function processOf(place: Place): Promise<number> {
  return Number((await startedByNow(place))[0]?.split(' ')[0]);
}

before(async () => {
  await using place = await openPlace();
  const [tracer, ...given] = tracerTo(place.path('trace'));
  if (!isThere('strace')) reason = 'there is no strace here';
  else if (spawnSync(tracer, [...given, 'true'], { timeout: 10_000 }).status !== 0)
    reason = 'strace may not trace here';
});

const simulator = {
  upstreams: { simulator: { type: 'simulator', tokensPerSecond: 10_000, firstTokenMs: 0 } },
  models: { simulator: { targets: [{ upstream: 'simulator', model: 'simulator' }] } },
};

/** A line for each program that was started, the process's number first. */
async function startedByNow(place: Place): Promise<readonly string[]> {
  const traced = await readFile(place.path('trace'), 'utf8');
  return traced.split('\n').filter((line) => /\bexecve(?:at)?\(/.test(line));
}

test('G7: whatever is asked of either listener, no process is started, no file is read into an answer, and nothing is evaluated', async (t) => {
  if (reason !== undefined) return t.skip(reason);
  const { place, gateway } = await openTraced(t, simulator);
  const token = await gateway.token();
  const rows = await rowsOf(gateway, token);
  const counts = new Map<number, number>();
  const tell = async (reply: Response, what: string) => {
    const text = await reply.text();
    counts.set(reply.status, (counts.get(reply.status) ?? 0) + 1);
    assert.ok(
      reply.status < 500 || reply.status === 501 || reply.status === 503,
      `${what}: ${reply.status} ${text}`,
    );
    assert.doesNotMatch(text, /root:.*:0:0:/, what);
    return text;
  };
  for (const { method, path } of rows) {
    const takesNone = method === 'GET' || method === 'DELETE';
    const asked = (takesNone && !path.includes('{') ? [{}] : hostile).map(async (body, at) => {
      const named = path.replace(/\{\w+\}/g, encodeURIComponent(names[at % names.length] ?? ''));
      await tell(
        await ask(gateway, token, { method, path: named, body }),
        `${method} ${named} ${JSON.stringify(body)}`,
      );
    });
    await Promise.all(asked);
  }
  for (const body of hostile) {
    const reply = await gateway.chat({
      ...body,
      tools: [{ type: 'function', function: { ...body, name: 'f' } }],
    });
    await tell(reply, JSON.stringify(body));
  }
  for (const content of names) {
    const reply = await gateway.chat({ messages: [{ role: 'user', content }] });
    assert.doesNotMatch(
      JSON.stringify(JSON.parse(await tell(reply, content)).choices ?? []),
      evaluated,
      content,
    );
  }
  t.diagnostic(`${rows.length} rows; statuses ${JSON.stringify(Object.fromEntries(counts))}`);
  await assertStartedNothing(place);
});

test('G7: a gateway that uses Redis, PostgreSQL, an issuer, a receiver of alerts, a stored key and a changed file starts no process either', async (t) => {
  if (reason !== undefined) return t.skip(reason);
  const [redis, postgres, issuer] = await Promise.all([
    openRedisServer(),
    openPostgresServer(),
    openHandMadeIssuer(),
  ]);
  const hooks = await openReceiver(t, createHeldClock(), [status(200)]);
  const { place, gateway } = await openTraced(t, {
    ...simulator,
    ...trusting(issuer),
    store: await postgres.createDatabase(),
    shared: redis.url,
    secrets: { masterKey: runMasterKey },
    alerts: { to: [{ webhook: hooks.url, secret }] },
  });
  t.after(() => Promise.all([redis.stop(), postgres.stop(), issuer.close()]));
  const token = await gateway.token();
  const asked = async (method: string, path: string, body?: Record<string, unknown>) => {
    const reply = await ask(gateway, token, { method, path: `/admin/api/v1/${path}`, ...(body && { body }) });
    const text = await reply.text();
    assert.ok(reply.ok, `${method} ${path}: ${reply.status} ${text}`);
    return JSON.parse(text);
  };
  const made = await asked('POST', 'keys', { name: 'ci' });
  const chatBy = async (key: string) => {
    const reply = await fetch(`${gateway.ready.clients}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        'idempotency-key': key.slice(-20),
      },
      body: JSON.stringify({ model: 'simulator', messages: [{ role: 'user', content: 'hi' }] }),
    });
    assert.equal(reply.status, 200, await reply.text());
  };
  await chatBy(made.key);
  await chatBy(await issuer.sign({}));
  await asked('POST', 'alerts/test', {});
  assert.equal(hooks.received.length, 1);
  const { configId } = await asked('POST', 'config/reload', {});
  const file = JSON.parse(await place.read('millrace.yaml'));
  await place.write('millrace.yaml', JSON.stringify({ ...file, queue: { places: 7 } }));
  await until('the changed file is taken over', async () => (await asked('GET', 'config')).id !== configId);
  await chatBy(made.key);
  await asked('GET', 'audit/verify');
  await assertStartedNothing(place);
});

async function assertStartedNothing(place: Place): Promise<void> {
  const started = await startedByNow(place);
  assert.equal(started.length, 1, `one process, and that is the gateway: ${started.join('\n')}`);
  assert.equal(existsSync(place.path(bait)), false);
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

/** Every row of the admin API, as its own document has it. */
async function rowsOf(gateway: RunningProcess, token: string): Promise<readonly Asked[]> {
  const reply = await ask(gateway, token, { method: 'GET', path: '/openapi.json' });
  const { paths } = (await reply.json()) as { paths: Record<string, Record<string, unknown>> };
  return Object.entries(paths).flatMap(([path, verbs]) =>
    Object.keys(verbs).map((method) => ({ method: method.toUpperCase(), path })),
  );
}

async function ask(gateway: RunningProcess, token: string, { method, path, body }: Asked): Promise<Response> {
  const sends = body !== undefined && method !== 'GET' && method !== 'DELETE';
  return await fetch(`${gateway.ready.admin}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(sends ? { 'content-type': 'application/json' } : {}) },
    ...(sends ? { body: JSON.stringify(body) } : {}),
  });
}
