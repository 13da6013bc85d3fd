/** DP14: a PostgreSQL whose disk is full (53100). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from 'pg';
import { until } from '../faults/rig.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { openPostgresServer } from '../servers/postgres-server.ts';
import { fileBytesMax, filledUp, limitFiles } from './full-disk.ts';

test('DP14: with its disk full every answer goes on and is told of, and no row is missing afterwards', async (t) => {
  const server = await openPostgresServer();
  t.after(() => server.stop());
  const url = await server.createDatabase();
  const gateway = await openTestGateway({ config: { store: url } });
  t.after(() => gateway.close());
  const client = new Client({ connectionString: url });
  // It may outlive the server by a moment.
  client.on('error', () => undefined);
  await client.connect();
  t.after(() => client.end().catch(() => undefined));

  assert.equal((await chat(gateway)).status, 200);
  await until('the first row is kept', async () => (await countOf(gateway)) === 1);

  await limitFiles(client, String(fileBytesMax));
  const full = await filledUp(client, { table: 'ledger', key: 'id' });
  assert.equal(full, '53100', 'the server says that its disk is full');

  const codes: number[] = [];
  for (let round = 0; round < 20; round += 1) codes.push((await chat(gateway)).status);
  assert.deepEqual(
    codes.filter((status) => status !== 200),
    [],
  );
  await until('it is told', async () => (await chat(gateway)).headers.get('x-millrace-degraded') === 'store');
  assert.ok(gateway.lines.some((line) => line.includes('wait in the spool')));
  const { spool } = gateway.gateway.lasting;
  assert.equal(spool.lost, 0);

  await limitFiles(client, 'unlimited');
  const asked = gateway.exchangeLines.length;
  await until('every row is in', async () => (await countOf(gateway)) >= asked);
  assert.equal(await countOf(gateway), gateway.exchangeLines.length);
  assert.equal(spool.lost, 0);
});

async function chat({ url, key }: TestGateway): Promise<Response> {
  const reply = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'simulator', max_tokens: 4, messages: [{ role: 'user', content: 'hi' }] }),
  });
  await reply.arrayBuffer();
  return reply;
}

async function countOf({ gateway }: TestGateway): Promise<number> {
  const question = { fromDay: '2026-01-01', toDay: '2100-01-01', by: [], where: {}, rowsMax: 1 } as const;
  const [sum] = await gateway.lasting.store.ledger.sum(question);
  return sum?.exchanges ?? 0;
}
