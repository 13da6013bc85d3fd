/** G20: a gateway that starts with nothing in memory, thousands of keys in the database and everybody at the door. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Client } from 'pg';
import { newKey } from '../../src/identity/key-rules.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { openPostgresServer } from '../servers/postgres-server.ts';
import { askWith, makeStoredKey } from '../stored-keys.ts';
import { until } from './rig.ts';

const keyCount = 5_000;
const perSecond = 500;
const forMs = 3_000;
const maxConnections = 20;
/** What replicas leave free, so that an operator can come in. */
const leftFree = 10;

test('G20: cold, with 5,000 keys and 500 requests a second, all are let in at once by a handful of queries', async (t) => {
  const { client, config, keys } = await fill(t);
  const gateway = await openTestGateway({ config });
  t.after(() => gateway.close());
  const queriesBefore = await queries(client);
  const [seen, readyMs] = await Promise.all([askAtRate(gateway, keys), whenReady(gateway)]);
  const asked = (await queries(client)) - queriesBefore;
  // Until it has read the keys nobody can tell: that is never the caller's fault (G5).
  const statuses = new Set(seen.map(({ status }) => status));
  assert.ok(
    [...statuses].every((status) => status === 200 || status === 503),
    [...statuses].join(),
  );
  const late = seen.filter(({ sentMs }) => sentMs > readyMs);
  assert.deepEqual([...new Set(late.map(({ status }) => status))], [200]);
  assert.ok(late.length > 500, `${late.length} of ${seen.length} after it was ready`);
  const p99 = late.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b)[Math.floor(late.length * 0.99)] ?? 0;
  const early = seen.filter(({ status }) => status === 503).length;
  t.diagnostic(`p99 ${p99.toFixed(0)} ms, ${early} of ${seen.length} too early, ${asked} queries`);
  assert.ok(p99 < 500, `p99 ${p99} ms`);
  assert.ok(asked < 100, `${asked} queries for ${seen.length} requests`);
  const { rows } = await client.query(
    `select count(*)::int as open from pg_stat_activity where application_name like 'millrace%'`,
  );
  assert.ok(rows[0].open <= maxConnections - leftFree, `${rows[0].open} connections`);
});

/** A database with so many keys, as if they had been made one after another. */
async function fill(t: TestContext) {
  const postgres = await openPostgresServer({
    config: { max_connections: String(maxConnections), shared_preload_libraries: 'pg_stat_statements' },
  });
  const store = await postgres.createDatabase();
  const client = new Client({ connectionString: store });
  await client.connect();
  await client.query('create extension pg_stat_statements');
  t.after(async () => {
    await client.end();
    await postgres.stop();
  });
  const config = { store, identity: { pepper: 'k7Wx71nVhT2pLw0Xc9Rf5KsBn4Yd6GjEa' } };
  const first = await openTestGateway({ config });
  await makeStoredKey(first, { name: 'template' });
  const { digest } = await first.gateway.lasting.followed.digester();
  const made = Array.from({ length: keyCount }, (_, at) => newKey(askedAt(at), { digest, nowMs: 0 }));
  await first.close();
  await client.query(
    `with added as (
       update directory_version set version = version + $3 returning version - $3 as last
     )
     insert into directory
     select (jsonb_populate_record(template, jsonb_build_object('name', made.name, 'digest', made.digest, 'version', last + at))).*
     from directory as template, added, unnest($1::text[], $2::text[]) with ordinality as made (name, digest, at)
     where template.name = 'template'`,
    [made.map(({ draft }) => draft.name), made.map(({ draft }) => draft.digest), keyCount],
  );
  return { client, config, keys: made.map(({ key }) => key) };
}

const askedAt = (at: number) =>
  ({
    tenant: 'default',
    name: `key-${at}`,
    team: '',
    user: '',
    role: 'developer',
    expiresAtMs: 0,
    scopes: { models: [], routes: [], addresses: [] },
  }) as const;

async function whenReady({ url }: TestGateway): Promise<number> {
  await until('it is ready', async () => (await fetch(`${url}/readyz`)).status === 200);
  return performance.now();
}

async function queries(client: Client): Promise<number> {
  const { rows } = await client.query(`select coalesce(sum(calls), 0)::int as calls from pg_stat_statements`);
  return (rows[0] as { calls: number }).calls;
}

/** Each with another key, when it is due. */
async function askAtRate(gateway: TestGateway, keys: readonly string[]) {
  const startMs = performance.now();
  const all: Promise<{ status: number; tookMs: number; sentMs: number }>[] = [];
  for (let dueMs = 0; dueMs < forMs; dueMs += 1_000 / perSecond) {
    const waitMs = startMs + dueMs - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    const key = keys[all.length % keys.length] ?? '';
    const sentMs = performance.now();
    const asked = askWith(gateway, key).then(({ status }) => ({
      status,
      tookMs: performance.now() - sentMs,
      sentMs,
    }));
    all.push(asked);
  }
  return Promise.all(all);
}
