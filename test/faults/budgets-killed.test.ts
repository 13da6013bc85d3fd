// G11, DP2: a process that is killed has nobody forget what was spent, and nobody spend it again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPlace, type RunningProcess, serve } from '../cli/gateway-process.ts';

const tokenNanoUsd = 10_000;

/** The simulator writes slowly enough that a stream is under way when it is killed. */
function config(budget: string): string {
  return `upstreams: { engine: { type: simulator, firstTokenMs: 0, tokensPerSecond: 40 } }
models: { m: { targets: [{ upstream: engine, model: simulator }] } }
prices: { engine: { inputPerM: 0, outputPerM: ${tokenNanoUsd / 1000} } }
limits: []
budgets: [ ${budget} ]
`;
}

async function statuses(gateway: RunningProcess, count: number): Promise<readonly number[]> {
  const found: number[] = [];
  for (let asked = 0; asked < count; asked += 1) {
    const reply = await gateway.chat({ model: 'm', max_tokens: 4 });
    await reply.text();
    found.push(reply.status);
  }
  return found;
}

/** Kills it while a stream is under way, and starts it again in the same folder at once. */
async function killWithin(budget: string, before: number) {
  const place = await openPlace();
  await place.write('millrace.yaml', config(budget));
  await using killed = await serve([], { place });
  assert.deepEqual(
    await statuses(killed, before),
    Array.from({ length: before }, () => 200),
  );
  const stream = await killed.chat({ model: 'm', max_tokens: 400, stream: true });
  const reader = stream.body?.getReader();
  await reader?.read();
  await killed.stop('SIGKILL');
  await reader?.read().catch(() => undefined);
  return { place, again: await serve([], { place }) };
}

test('G11: after kill -9 requests that ended count, and so does the one that was under way', async () => {
  const { place, again } = await killWithin('{ per: key, requests: 5, window: total }', 2);
  await using gateway = again;
  await using _ = place;
  assert.deepEqual(await statuses(gateway, 4), [200, 200, 429, 429]);
});

test('G11: after kill -9 what was reserved for the stream under way is spent', async () => {
  const budget = `{ per: global, usd: ${(500 * tokenNanoUsd) / 1e9}, window: total }`;
  const { place, again } = await killWithin(budget, 3);
  await using gateway = again;
  await using _ = place;
  const spentTokens = 3 * 4;
  const left = await Promise.all(
    Array.from({ length: 130 }, async () => {
      const reply = await gateway.chat({ model: 'm', max_tokens: 4 });
      await reply.text();
      return reply.status;
    }),
  );
  const served = left.filter((status) => status === 200).length;
  assert.ok(served < (500 - spentTokens) / 4, `${served} were served of what was left`);
  assert.ok(left.every((status) => status === 200 || status === 429));
});
