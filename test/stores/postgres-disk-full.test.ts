/**
 * DP14: a PostgreSQL whose disk is full (53100). A bound on the size of files stands in for the disk: the server then
 * writes less of a block than it wanted to, and says what it says of a full disk.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from 'pg';
import { until } from '../faults/rig.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { openPostgresServer } from '../servers/postgres-server.ts';

/** More than a segment of the log, which is made at once, and half a block. */
const fileBytesMax = 17 * 1024 * 1024 + 4096;

test('DP14: with its disk full every answer goes on and is told of, and no row is missing afterwards', async (t) => {
  const server = await openPostgresServer();
  t.after(() => server.stop());
  const url = await server.createDatabase();
  const gateway = await openTestGateway({ config: { ...simulator, store: url } });
  t.after(() => gateway.close());
  const client = new Client({ connectionString: url });
  // It may outlive the server by a moment.
  client.on('error', () => undefined);
  await client.connect();
  t.after(() => client.end().catch(() => undefined));

  assert.equal((await chat(gateway)).status, 200);
  await until('the first row is kept', async () => (await countOf(gateway)) === 1);

  await limitFiles(client, String(fileBytesMax));
  const full = await filledUp(client);
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

const simulator = {
  upstreams: { sim: { type: 'simulator', tokensPerSecond: 100_000, firstTokenMs: 1, slots: 64 } },
  models: { simulator: { targets: [{ upstream: 'sim', model: 'simulator' }] } },
};

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

/** Of the server and of all that it has started: who connects later has what the server has. It does so itself. */
async function limitFiles(client: Client, bytes: string): Promise<void> {
  const { rows } = await client.query<{ pid: number }>(
    `select pid from pg_stat_activity where pid is not null
     union select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int`,
  );
  // A worker of the server may end meanwhile.
  const each = rows.map(({ pid }) => `prlimit --pid ${pid} --fsize=${bytes}:unlimited || ! kill -0 ${pid}`);
  await client.query(`copy (select 1) to program '${each.join('; ')}'`);
}

/** Writes into the ledger's own file, past all exchanges of today, until the server takes no more. */
async function filledUp(client: Client): Promise<string> {
  const { rows: columns } = await client.query<{ name: string; kind: string }>(
    `select column_name as name, data_type as kind from information_schema.columns
     where table_name = 'ledger' order by ordinal_position`,
  );
  const values = columns.map(({ name, kind }) => {
    if (name === 'id') return `'filler-' || i`;
    return kind === 'bigint' ? '0' : `repeat('x', 100)`;
  });
  for (let from = 0; from < 200_000; from += 5_000) {
    try {
      await client.query(
        `insert into ledger (${columns.map(({ name }) => `"${name}"`).join(', ')})
         select ${values.join(', ')} from generate_series(${from}, ${from + 4_999}) i`,
      );
    } catch (thrown) {
      return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown);
    }
  }
  return 'never full';
}
