// Keys that come for the first time under a budget: what they had spent is found out of many in one question.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { temporaryFolder } from './databases.ts';

/** More than may wait for the embedded database. */
const count = 300;
const nameOf = (at: number) => `caller-${at}`;
const keyOf = (at: number) => `sk-mr-first-asks-${at}-c2f9a7d1e4b80356`;
const keys = Array.from({ length: count }, (_, at) => ({ name: nameOf(at), key: keyOf(at) }));
const budgets = [
  { per: 'key', requests: 1, window: 'total' },
  { per: 'tenant', usd: 1, window: 'month' },
];

/** By turns on one folder; the last is closed before the folder goes. */
async function openStarts(t: TestContext) {
  let running: TestGateway | undefined;
  t.after(() => running?.close());
  const data = await temporaryFolder(t);
  return async () => {
    await running?.close();
    running = await openTestGateway({ config: { keys, budgets }, data });
    return running;
  };
}

async function ask({ url }: TestGateway, at: number): Promise<number> {
  const reply = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${keyOf(at)}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'simulator', max_tokens: 1, messages: [{ role: 'user', content: 'hi' }] }),
  });
  await reply.arrayBuffer();
  return reply.status;
}

test('G11: 300 keys that come at once after a start are all served, but those that had spent all before', async (t) => {
  const start = await openStarts(t);
  const before = await start();
  const spent = [0, 7, 299];
  for (const at of spent) assert.equal(await ask(before, at), 200);
  const gateway = await start();
  const statuses = await Promise.all(keys.map((_, at) => ask(gateway, at)));
  assert.deepEqual(
    statuses,
    keys.map((_, at) => (spent.includes(at) ? 429 : 200)),
  );
});
