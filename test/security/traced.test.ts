/**
 * A whole gateway under strace (G7): whatever is asked of it, of either listener, it starts no process. The table in
 * `tidy.test.ts` says which files could.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { openPlace, type Place, type RunningProcess, serve } from '../cli/gateway-process.ts';
import { isThere } from '../servers/install-kernel-tools.ts';

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
let place: Place;
let gateway: RunningProcess;

before(async () => {
  place = await openPlace();
  const tracer = [
    'strace',
    '-f',
    '-qq',
    '--seccomp-bpf',
    '-e',
    'trace=execve,execveat',
    '-o',
    place.path('trace'),
  ];
  if (!isThere('strace')) reason = 'there is no strace here';
  else if (spawnSync(tracer[0] ?? '', [...tracer.slice(1), 'true'], { timeout: 10_000 }).status !== 0) {
    reason = 'strace may not trace here';
  }
  if (reason !== undefined) return;
  await place.write(
    'millrace.yaml',
    JSON.stringify({
      upstreams: { simulator: { type: 'simulator', tokensPerSecond: 10_000, firstTokenMs: 0 } },
      models: { simulator: { targets: [{ upstream: 'simulator', model: 'simulator' }] } },
    }),
  );
  gateway = await serve(['--config', 'millrace.yaml'], { place, within: tracer });
});

after(async () => {
  if (reason === undefined) {
    // Whoever traces passes no signal on.
    process.kill(Number((await startedByNow())[0]?.split(' ')[0]), 'SIGINT');
    await gateway.stop('SIGCONT');
  }
  await place[Symbol.asyncDispose]();
});

/** A line for each program that was started, the process's number first. */
async function startedByNow(): Promise<readonly string[]> {
  const traced = await readFile(place.path('trace'), 'utf8');
  return traced.split('\n').filter((line) => /\bexecve(?:at)?\(/.test(line));
}

test('G7: whatever is asked of either listener, no process is started, no file is read into an answer, and nothing is evaluated', async (t) => {
  if (reason !== undefined) return t.skip(reason);
  const token = await gateway.token();
  const rows = await rowsOf(token);
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
        await ask(token, { method, path: named, body }),
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
  const started = await startedByNow();
  assert.equal(started.length, 1, `one process, and that is the gateway: ${started.join('\n')}`);
  assert.equal(existsSync(place.path(bait)), false);
});

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

/** Every row of the admin API, as its own document has it. */
async function rowsOf(token: string): Promise<readonly Asked[]> {
  const reply = await ask(token, { method: 'GET', path: '/openapi.json' });
  const { paths } = (await reply.json()) as { paths: Record<string, Record<string, unknown>> };
  return Object.entries(paths).flatMap(([path, verbs]) =>
    Object.keys(verbs).map((method) => ({ method: method.toUpperCase(), path })),
  );
}

async function ask(token: string, { method, path, body }: Asked): Promise<Response> {
  const sends = body !== undefined && method !== 'GET' && method !== 'DELETE';
  return await fetch(`${gateway.ready.admin}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(sends ? { 'content-type': 'application/json' } : {}) },
    ...(sends ? { body: JSON.stringify(body) } : {}),
  });
}
