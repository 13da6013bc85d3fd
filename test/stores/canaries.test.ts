/**
 * A secret of every kind is seeded into a gateway with all its stores, what can go wrong with them goes wrong, and all that
 * came out or was kept anywhere is searched for them (G8).
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createClient } from '@redis/client';
import { Client } from 'pg';
import { systemClock } from '../../src/lib/clock.ts';
import { millrace, openPlace, type Place, type RunningProcess, serve } from '../cli/gateway-process.ts';
import { until } from '../faults/rig.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';
import { openRedisServer, type RedisServer } from '../servers/redis-server.ts';
import { type FakeLlm, openFakeLlm } from '../upstream/fake-llm.ts';
import { type FakeVault, openFakeVault } from '../upstream/vault.ts';

let redis: RedisServer;
let postgres: PostgresServer;
before(async () => {
  [redis, postgres] = await Promise.all([openRedisServer(), openPostgresServer()]);
});
after(() => Promise.all([redis.stop(), postgres.stop()]));

const canary = (kind: string) => `canary${kind}${randomBytes(10).toString('hex')}`;
const made = {
  masterKey: randomBytes(32).toString('base64'),
  previousMasterKey: randomBytes(32).toString('base64'),
  client: `sk-mr-${randomBytes(23).toString('hex')}`,
  admin: `mr-admin-${randomBytes(24).toString('hex')}`,
  provider: canary('provider'),
  stored: canary('stored'),
  pepper: canary('pepper'),
  webhookToken: canary('webhook'),
  webhook: randomBytes(32).toString('base64'),
  smtp: canary('smtp'),
  jwt: `eyJhbGciOiJSUzI1NiJ9.${Buffer.from(`{"sub":"${canary('jwt')}"}`).toString('base64url')}.${randomBytes(48).toString('base64url')}`,
  said: canary('said'),
  introspection: canary('introspection'),
  signIn: canary('signin'),
};

function configuration({ llm, vault, store }: { llm: FakeLlm; vault: FakeVault; store: string }): string {
  const target = (upstream: string) => ({ targets: [{ upstream, model: 'm' }] });
  return JSON.stringify({
    telemetry: { logs: { level: 'debug' }, metrics: { onClientPort: 'always' } },
    admin: { token: 'env:CANARY_ADMIN' },
    store,
    // Patient: what a busy machine answers late would be kept nowhere, and could not be searched.
    shared: { url: redis.url, timeoutMs: 2_000 },
    secrets: {
      masterKey: 'env:CANARY_MASTER',
      previousMasterKeys: ['env:CANARY_PREVIOUS'],
      vault: { url: vault.url, auth: { appRole: { roleId: vault.roleId, secretId: vault.secretId } } },
      refreshMs: 1_000,
    },
    auth: 'both',
    identity: {
      pepper: made.pepper,
      introspection: {
        name: 'opaque',
        url: 'http://127.0.0.1:9/introspect',
        clientId: 'gateway',
        clientSecret: made.introspection,
        tenant: 'default',
        defaultRole: 'developer',
      },
      oidc: {
        name: 'people',
        issuer: 'http://127.0.0.1:9',
        clientId: 'gateway',
        clientSecret: made.signIn,
        redirectUrl: 'http://127.0.0.1:7071/admin/sign-in/callback',
        tenant: 'default',
        defaultRole: 'viewer',
      },
    },
    alerts: {
      to: [
        { webhook: `http://127.0.0.1:9/hook/${made.webhookToken}`, secret: `whsec_${made.webhook}` },
        {
          email: ['ops@example.com'],
          smtp: { host: '127.0.0.1', port: 9, user: 'u', password: made.smtp, from: 'm@example.com' },
        },
      ],
    },
    keys: [{ name: 'dev', key: made.client, role: 'operator' }],
    upstreams: {
      cloud: { type: 'openai', url: llm.url, key: 'vault:llm/openai#key' },
      other: { type: 'openai', url: llm.url, key: 'store:other', headers: { 'x-token': made.provider } },
    },
    models: { m: target('cloud'), o: target('other') },
  });
}

const environment = {
  CANARY_MASTER: made.masterKey,
  CANARY_PREVIOUS: made.previousMasterKey,
  CANARY_ADMIN: made.admin,
};

class Walk {
  readonly seen: string[] = [];
  readonly #gateway: RunningProcess;

  constructor(gateway: RunningProcess) {
    this.#gateway = gateway;
  }

  async ask(
    path: string,
    init: { method?: string; body?: object; credential?: string } = {},
  ): Promise<number> {
    const isAdmin = path.startsWith('/admin');
    const { clients, admin } = this.#gateway.ready;
    const credential = init.credential ?? (isAdmin ? made.admin : made.client);
    const reply = await fetch(`${isAdmin ? admin : clients}${path}`, {
      method: init.method ?? (init.body === undefined ? 'GET' : 'POST'),
      headers: { authorization: `Bearer ${credential}`, 'content-type': 'application/json' },
      ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
    });
    this.seen.push(JSON.stringify([...reply.headers]), await reply.text());
    return reply.status;
  }

  async everything(): Promise<void> {
    const messages = [{ role: 'user', content: made.said }];
    for (const model of ['m', 'o', 'none']) {
      for (const stream of [false, true]) {
        await this.ask('/v1/chat/completions', { body: { model, messages, stream } });
      }
    }
    await this.ask('/api/v1/chat', { body: { model: 'm', message: made.said, conversation_id: 'c' } });
    for (const credential of [made.jwt, made.stored, `${made.client}0`, made.admin]) {
      await this.ask('/v1/models', { credential });
      await this.ask('/admin/api/v1/status', { credential: `${credential}x` });
    }
    await this.ask('/metrics');
    await this.ask('/healthz/deps');
    await this.ask('/admin/sign-in');
    const admin = [
      'status',
      'config',
      'keys',
      'upstreams',
      'secrets',
      'audit',
      'usage',
      'alerts',
      'exchanges',
    ];
    for (const path of admin) await this.ask(`/admin/api/v1/${path}`);
    await this.ask('/admin/api/v1/config/reload', { method: 'POST' });
    await this.ask('/admin/api/v1/alerts/test', { method: 'POST' });
    const put = { method: 'PUT', body: { value: `${made.stored}\n` } };
    await this.ask('/admin/api/v1/secrets/other', put);
    await this.ask('/admin/api/v1/secrets/rotate', { body: {} });
  }
}

async function dumpPostgres(url: string): Promise<string> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      `select table_name as name from information_schema.tables where table_schema = 'public'`,
    );
    const texts: string[] = [];
    for (const { name } of rows) {
      const table = await client.query(`select t::text as row from "${name}" t`);
      texts.push(`${name}: ${table.rows.map((row) => String(row.row)).join('\n')}`);
    }
    return texts.join('\n');
  } finally {
    await client.end();
  }
}

async function dumpRedis(): Promise<string> {
  const client = createClient({ url: redis.url });
  await client.connect();
  try {
    const texts: string[] = [];
    for (const key of await client.keys('*')) {
      const kind = await client.type(key);
      texts.push(`${key}: ${kind === 'string' ? await client.get(key) : kind}`);
    }
    return texts.join('\n');
  } finally {
    await client.close();
  }
}

/** Everything in the data folder: there is no file in it that may hold one of these. */
async function dumpFolder(place: Place): Promise<string> {
  const names = await readdir(place.path('.millrace'), { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return (await Promise.all(files.map((file) => readFile(file, 'latin1')))).join('\n');
}

test('G8: no secret of any kind stands in an answer, a log, a metric, the audit log, a database, the spool or a file', async (t) => {
  await using place = await openPlace();
  const [llm, vault] = [await openFakeLlm(), await openFakeVault({ clock: systemClock })];
  t.after(() => Promise.all([llm.close(), vault.close()]));
  vault.put('llm/openai', { key: made.provider });
  const store = await postgres.createDatabase();
  await place.write('millrace.yaml', configuration({ llm, vault, store }));
  const file = ['--config', 'millrace.yaml'];
  const told: string[] = [];
  const command = async (args: readonly string[], input = '') => {
    const { out, err } = await millrace([...args, ...file], { place, environment, input });
    told.push(out, err);
  };
  await command(['serve']);
  await command(['secrets', 'set', 'other'], made.stored);
  await using gateway = await serve(file, { place, environment });
  const walk = new Walk(gateway);
  await walk.ask('/admin/api/v1/secrets/other', { method: 'PUT', body: { value: made.stored } });
  await walk.everything();
  assert.ok(llm.requests.some(({ headers }) => headers.authorization === `Bearer ${made.stored}`));
  const key = await keyMadeBy(gateway, 'keys', { name: 'ci', role: 'developer' });
  assert.equal(await walk.ask('/v1/models', { credential: key }), 200);
  const again = await keyMadeBy(gateway, 'keys', { name: 'ci', role: 'developer' });
  assert.equal(again, key, 'the answer that was given before');
  const rotated = await keyMadeBy(gateway, 'keys/ci/rotate', {});
  assert.equal(await walk.ask('/v1/models', { credential: rotated }), 200);
  let inRedis = '';
  await until('the conversation is kept', async () => {
    inRedis = await dumpRedis();
    return inRedis.includes('conversations}:kept');
  });
  for (const verb of [['check'], ['doctor'], ['keys'], ['secrets']]) await command(verb);

  // Both upstreams are sent it. What an upstream knows of another's secrets nobody can know.
  const message = `no: ${made.provider}, Bearer ${made.provider}`;
  llm.behave({ status: 401, body: JSON.stringify({ error: { message } }) });
  await walk.everything();
  vault.seal(true);
  redis.kill();
  postgres.kill();
  await walk.everything();
  const spool = await dumpFolder(place);
  for (const verb of [['check'], ['doctor'], ['secrets'], ['secrets', 'rotate']]) await command(verb);
  await Promise.all([redis.restart(), postgres.restart()]);
  vault.seal(false);
  llm.behave({ status: 200, body: undefined });
  await until('it is whole', async () => {
    const status = await walk.ask('/admin/api/v1/usage');
    return status === 200;
  });
  await walk.everything();
  const { out, err } = await gateway.stop('SIGTERM');

  const database = await dumpPostgres(store);
  assert.match(database, /secrets: .*other/);
  assert.match(database, /ledger: \(/);
  const folder = await dumpFolder(place);
  const places = {
    answers: walk.seen.join('\n'),
    out,
    err,
    told: told.join('\n'),
    database,
    inRedis,
    spool,
    folder,
  };
  assert.ok(out.split('\n').length > 60 && walk.seen.length > 100, 'all of it was recorded');
  const passwords = [redis.url, store].map((url) => new URL(url).password);
  const canaries = {
    ...made,
    key,
    rotated,
    secretId: vault.secretId,
    redis: passwords[0] ?? '',
    postgres: passwords[1] ?? '',
  };
  const found = Object.entries(places).flatMap(([where, text]) =>
    Object.entries(canaries)
      // Whoever said it may be told of it.
      .filter(([what]) => what !== 'said' || where !== 'answers')
      .filter(([, secret]) => spellings(secret).some((spelling) => text.includes(spelling)))
      .map(([what]) => `${what} in ${where}`),
  );
  assert.deepEqual(found, []);
});

/** Shown to whoever asked for it, and again to the same request: what is given again is kept, sealed. */
async function keyMadeBy(gateway: RunningProcess, path: string, body: object): Promise<string> {
  const reply = await fetch(`${gateway.ready.admin}/admin/api/v1/${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${made.admin}`,
      'content-type': 'application/json',
      'idempotency-key': path,
    },
    body: JSON.stringify(body),
  });
  assert.ok([200, 201].includes(reply.status), `${reply.status}`);
  return ((await reply.json()) as { key: string }).key;
}

/** Long enough to be nothing else, short enough to be found where the rest was cut. */
function spellings(secret: string): readonly string[] {
  const end = secret.slice(-18);
  const bytes = Buffer.from(secret);
  // PostgreSQL shows bytes in hexadecimal.
  const hex = bytes.toString('hex').slice(-36);
  return [secret, end, bytes.toString('base64').slice(0, 22), hex, encodeURIComponent(end)];
}
