/** G20: two replicas that start with nothing in memory, thousands of keys in the database and everybody at the door. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { makeKey } from '../../src/identity/api-key.ts';
import { newKey } from '../../src/identity/key-rules.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { openPostgresServer } from '../servers/postgres-server.ts';
import { openRedisServer } from '../servers/redis-server.ts';
import { times } from '../soak.ts';
import { askWith, makeStoredKey, statusWith } from '../stored-keys.ts';
import { unansweredMax } from './load-facts.ts';
import { until } from './rig.ts';

const keyCount = 5_000;
/** What is due; a machine that is busy with other things is sent less, and nothing piles up. */
const perSecond = 500;
const p99MsMax = times(2_000, 500);
/** Once they are ready. */
const forMs = times(1_500, 10_000);
const maxConnections = 20;
/** What replicas leave free, so that an operator can come in. */
const leftFree = 10;
const backWithinMs = times(15_000, 5_000);

test('G20: two cold replicas, with 5,000 keys and 500 requests a second, let all in at once by a handful of queries', async (t) => {
  const { client, postgres, keys, open } = await fill(t);
  const queriesBefore = await queries(client);
  const replicas = await Promise.all([open(), open()]);
  const watched = watchConnections(client);
  let readyMs = Number.POSITIVE_INFINITY;
  const ready = Promise.all(replicas.map(whenReady)).then((times) => {
    readyMs = Math.max(...times);
  });
  const seen = await askAtRate({ replicas, keys, isEnough: () => performance.now() > readyMs + forMs });
  await ready;
  const { looks, most } = await watched.end();
  const asked = (await queries(client)) - queriesBefore - looks;
  // Until it has read the keys nobody can tell: that is never the caller's fault (G5).
  const statuses = new Set(seen.map(({ status }) => status));
  assert.ok(
    [...statuses].every((status) => status === 200 || status === 503),
    [...statuses].join(),
  );
  const late = seen.filter(({ sentMs }) => sentMs > readyMs);
  assert.deepEqual([...new Set(late.map(({ status }) => status))], [200]);
  const p99 = late.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b)[Math.floor(late.length * 0.99)] ?? 0;
  const early = seen.filter(({ status }) => status === 503).length;
  t.diagnostic(
    `p99 ${p99.toFixed(0)} ms, ${early} of ${seen.length} too early, ${asked} queries, ${most} connections at most`,
  );
  assert.ok(p99 < p99MsMax, `p99 ${p99} ms`);
  assert.ok(asked < 200, `${asked} queries for ${seen.length} requests`);
  assert.ok(most <= maxConnections - leftFree, `${most} connections`);

  await t.test('DP9: without the server known keys are let in, and of others nobody can tell', async () => {
    const unknown = makeKey();
    // On a busy machine what they know may be a while old.
    for (const replica of replicas)
      await until('it can tell', async () => (await statusWith(replica, unknown)) === 401);
    postgres.kill();
    const codes = new Set<number>();
    for (const replica of replicas) {
      await until('it cannot tell', async () => {
        for (const key of keys.slice(0, 5)) codes.add(await statusWith(replica, key));
        return (await statusWith(replica, unknown)) === 503;
      });
    }
    const rest = await Promise.all(
      keys.slice(0, 500).map((key, at) => statusWith(replicas[at % replicas.length] ?? replicas[0], key)),
    );
    assert.deepEqual([...new Set([...codes, ...rest])], [200]);
    for (const replica of replicas) assert.equal(await statusWith(replica, unknown), 503);
    await postgres.restart();
    const backMs = performance.now();
    const [one, two] = replicas;
    for (const replica of replicas)
      await until('it can tell again', async () => (await statusWith(replica, unknown)) === 401);
    const tookMs = performance.now() - backMs;
    t.diagnostic(`back after ${tookMs.toFixed(0)} ms`);
    assert.ok(tookMs < backWithinMs, `${tookMs} ms`);
    const made = await makeStoredKey(one, { name: 'later' });
    await until('the other knows it', async () => (await statusWith(two, made)) === 200);
  });
});

/** A database with so many keys, as if they had been made one after another. */
async function fill(t: TestContext) {
  const postgres = await openPostgresServer({
    config: { max_connections: String(maxConnections), shared_preload_libraries: 'pg_stat_statements' },
  });
  const redis = await openRedisServer();
  const store = await postgres.createDatabase();
  const client = new Client({ connectionString: store });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('create extension pg_stat_statements');
  const opened: TestGateway[] = [];
  t.after(async () => {
    await Promise.all(opened.map((gateway) => gateway.close()));
    await client.end().catch(() => undefined);
    await Promise.all([postgres.stop(), redis.stop()]);
  });
  const config = { store, shared: redis.url, identity: { pepper: 'k7Wx71nVhT2pLw0Xc9Rf5KsBn4Yd6GjEa' } };
  const open = async () => {
    const gateway = await openTestGateway({ config });
    opened.push(gateway);
    return gateway;
  };
  const first = await open();
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
  return { client, postgres, open, keys: made.map(({ key }) => key) };
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

/** How many of ours are open at most, both replicas together. */
function watchConnections(client: Client) {
  let most = 0;
  let looks = 0;
  let ended = false;
  const look = async () => {
    while (!ended) {
      const { rows } = await client.query(
        `select count(*)::int as open from pg_stat_activity where application_name like 'millrace%'`,
      );
      looks += 1;
      most = Math.max(most, rows[0].open);
      await pause(50);
    }
  };
  const looking = look();
  return {
    end: async () => {
      ended = true;
      await looking;
      return { looks, most };
    },
  };
}

interface Rate {
  readonly replicas: readonly TestGateway[];
  readonly keys: readonly string[];
  readonly isEnough: () => boolean;
}

interface Told {
  readonly status: number;
  readonly tookMs: number;
  readonly sentMs: number;
}

/** Each with another key, when it is due. */
async function askAtRate({ replicas, keys, isEnough }: Rate): Promise<readonly Told[]> {
  const startMs = performance.now();
  const all: Promise<Told>[] = [];
  let unanswered = 0;
  for (let dueMs = 0; !isEnough(); dueMs += 1_000 / perSecond) {
    const waitMs = startMs + dueMs - performance.now();
    if (waitMs > 0) await pause(waitMs);
    if (unanswered >= unansweredMax) {
      await pause(1);
      continue;
    }
    const gateway = replicas[all.length % replicas.length];
    assert.ok(gateway !== undefined);
    const sentMs = performance.now();
    unanswered += 1;
    const asked = askWith(gateway, keys[all.length % keys.length] ?? '').then(({ status }) => {
      unanswered -= 1;
      return { status, tookMs: performance.now() - sentMs, sentMs };
    });
    all.push(asked);
  }
  return Promise.all(all);
}
