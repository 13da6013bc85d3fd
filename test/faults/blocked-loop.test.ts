// P4, G22: a replica whose event loop is held up: it is found out by `/livez`, left alone, and uses nothing of others.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { openPlace, serve } from '../cli/gateway-process.ts';
import { openRedisServer } from '../servers/redis-server.ts';
import { times } from '../soak.ts';
import { openCountingLlm } from '../upstream/counting-llm.ts';
import { openCheckedBalancer } from './checked-balancer.ts';
import { until } from './rig.ts';
import { type Load, load } from './shared-slots-rig.ts';

const slots = 3;
const key = `sk-mr-${randomBytes(20).toString('hex')}`;

/** Read before the gateway's own code: at the signal nothing else runs in its process until somebody writes there. */
const blocking = (pipe: string) =>
  `--import=data:text/javascript,${encodeURIComponent(
    `import { readFileSync } from 'node:fs';
     process.on('SIGUSR2', () => readFileSync(${JSON.stringify(pipe)}));`,
  )}`;

async function openPair(t: TestContext) {
  const redis = await openRedisServer();
  t.after(() => redis.stop());
  const llm = await openCountingLlm(t);
  const open = async () => {
    const place = await openPlace();
    await place.write(
      'millrace.yaml',
      JSON.stringify({
        shared: redis.url,
        keys: [{ name: 'both', key, tenant: 'default', role: 'developer' }],
        upstreams: { llm: { type: 'openai', url: llm.url, slots } },
        models: { m: { targets: [{ upstream: 'llm', model: 'counted' }] } },
      }),
    );
    const pipe = place.path('until-written');
    execFileSync('mkfifo', [pipe]);
    const running = await serve(['--config', 'millrace.yaml'], { place, nodeOptions: [blocking(pipe)] });
    t.after(async () => {
      await running.stop('SIGKILL');
      await place[Symbol.asyncDispose]();
    });
    return { running, port: Number(new URL(running.ready.clients).port), release: () => writeFile(pipe, '') };
  };
  const pair = [await open(), await open()] as const;
  const balancer = await openCheckedBalancer(
    t,
    pair.map(({ port }) => port),
  );
  return { llm, pair, balancer };
}

async function more(of: Load, count: number): Promise<void> {
  const before = of.codes.length;
  await until(`${count} more answers`, () => of.codes.length >= before + count);
}

/** The other one sleeps through its lease in `shared-slots-killed` as well, and comes here where there is time for it. */
const blocks = [
  ['until others answer', 0],
  ['for longer than its lease', 12_000],
] as const;

for (const [what, blockMs] of blocks.slice(0, times(1, 2))) {
  test(`P4, G22: an event loop that is blocked ${what} fails livez, the balancer moves on, and no slot is used twice`, {
    skip: process.platform === 'win32' && 'there is no SIGUSR2 here',
    timeout: 120_000,
  }, async (t) => {
    const { llm, pair, balancer } = await openPair(t);
    const [blocked] = pair;
    const clients = load(() => ({ url: balancer.url, key }), 6);
    await more(clients, 40);
    assert.ok(llm.takeMost() <= slots);
    const blockedMs = performance.now();
    blocked.running.child.kill('SIGUSR2');
    await until('livez fails', () => !balancer.isIn(blocked.port));
    const outMs = performance.now() - blockedMs;
    const newcomers = load(() => ({ url: balancer.url, key }), 6);
    await more(newcomers, 20);
    assert.ok(!balancer.isIn(blocked.port), 'it is blocked still when the other one answers');
    await setTimeout(Math.max(0, blockedMs + blockMs - performance.now()));
    await blocked.release();
    await until('it is back', () => balancer.isIn(blocked.port));
    const backMs = performance.now() - blockedMs;
    t.diagnostic(
      `out after ${Math.round(outMs)} ms, ${newcomers.codes.length} answered meanwhile, back after ${Math.round(backMs)} ms`,
    );
    await more(clients, 40);
    await Promise.all([clients.stop(), newcomers.stop()]);
    // Who waited at the one that was blocked was answered when it went on.
    assert.deepEqual(
      [...clients.codes, ...newcomers.codes].filter((code) => code !== 200),
      [],
    );
    assert.ok(llm.takeMost() <= slots);
  });
}
