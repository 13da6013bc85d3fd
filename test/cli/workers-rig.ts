/** `millrace serve --workers 2` over a real Redis: started, asked, and deprived of a worker. */
import assert from 'node:assert/strict';
import { until } from '../faults/rig.ts';
import type { RedisServer } from '../servers/redis-server.ts';
import { type Place, type RunningProcess, serve } from './gateway-process.ts';

interface Status {
  readonly pid: number;
  readonly configId: string;
  readonly inFlight: number;
  readonly workers: readonly { worker: number; pid: number; configId: string; inFlight: number }[];
}

/** Each test has a database of the server for itself: nobody else's limits count here. */
let databases = 0;

export function configOver(redis: RedisServer, extra: Readonly<Record<string, unknown>> = {}): string {
  databases += 1;
  return JSON.stringify({
    // On a busy machine an answer may take longer than usual, and who does not wait for it counts by itself.
    shared: { url: `${redis.url}/${databases}`, timeoutMs: 2_000 },
    upstreams: { sim: { type: 'simulator', firstTokenMs: 1, tokensPerSecond: 1_000, slots: 64 } },
    models: { simulator: { targets: [{ upstream: 'sim', model: 'simulator' }] } },
    prices: { simulator: { inputPerM: 1, outputPerM: 1 } },
    ...extra,
  });
}

export async function start(place: Place, text: string, nodeOptions: string[] = []): Promise<RunningProcess> {
  await place.write('millrace.yaml', text);
  return await serve(['--workers', '2'], { place, nodeOptions });
}

export async function statusOf(gateway: RunningProcess): Promise<Status> {
  return (await (await gateway.admin('status')).json()) as Status;
}

/** On a connection of its own: the kernel gives each to whichever worker it likes. */
export async function chat(gateway: RunningProcess, fields: object = {}, key?: string): Promise<Response> {
  const reply = await fetch(`${gateway.ready.clients}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key ?? (await gateway.key())}`,
      'content-type': 'application/json',
      // As through a proxy on this machine: limits do not hold on loopback.
      'x-forwarded-for': '192.0.2.7',
      connection: 'close',
    },
    body: JSON.stringify({
      model: 'simulator',
      max_tokens: 2,
      messages: [{ role: 'user', content: 'hi' }],
      ...fields,
    }),
  });
  await reply.clone().arrayBuffer();
  return reply;
}

export async function exchangesAt(gateway: RunningProcess, listener: 'clients' | 'admin'): Promise<number> {
  const headers = { authorization: `Bearer ${await gateway.token()}`, connection: 'close' };
  const reply = await fetch(`${gateway.ready[listener]}/metrics`, listener === 'admin' ? { headers } : {});
  const text = await reply.text();
  assert.equal(reply.status, 200, text);
  return Number(
    /^millrace_exchanges_total\{route="openai\.chat",outcome="complete",code=""\} (\d+)$/m.exec(text)?.[1] ??
      0,
  );
}

/** Kills one, or has it stand still, and waits until as many serve as before: how long that took. */
export async function killOne(
  gateway: RunningProcess,
  signal: 'SIGKILL' | 'SIGSTOP' = 'SIGKILL',
): Promise<number> {
  const [first] = (await statusOf(gateway)).workers;
  assert.ok(first !== undefined);
  const killedMs = performance.now();
  process.kill(first.pid, signal);
  await gateway.line(({ msg, worker }) => msg === 'a worker has ended' && worker === first.worker);
  await until('another one serves', async () => {
    const { workers } = await statusOf(gateway);
    return workers.length === 2 && workers.every(({ pid }) => pid !== first.pid);
  });
  return performance.now() - killedMs;
}
