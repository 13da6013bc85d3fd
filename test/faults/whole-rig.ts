/** Two replicas with everything on that needs a database, and callers of every kind, none of whom does anything wrong. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { type HandMadeIssuer, openHandMadeIssuer, trusting } from '../identity/hand-made-issuer.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';
import { openRedisServer, type RedisServer } from '../servers/redis-server.ts';
import { makeStoredKey, statusWith } from '../stored-keys.ts';
import { type LoadProcess, openLoadProcess } from './load-process.ts';
import { until } from './rig.ts';

export interface WholeRig {
  readonly redis: RedisServer;
  readonly postgres: PostgresServer;
  readonly store: string;
  readonly replicas: readonly TestGateway[];
  /** The one upstream there is, and others who ask. */
  readonly load: LoadProcess;
  /** What nobody may read in any line of the log. */
  readonly secrets: readonly string[];
  /** One request of each kind to each replica, or of each but these. */
  round(without?: readonly Kind[]): Promise<readonly Seen[]>;
  /** What the replicas say they go without. */
  degraded(): Promise<readonly string[]>;
}

/** What a caller got. */
export interface Seen {
  readonly kind: Kind;
  readonly status: number;
  readonly retryAfter: string | null;
  readonly tookMs: number;
  readonly id: string;
}

export type Kind = 'stored key' | 'token' | 'stream' | 'once only' | 'conversation' | 'models';

const identity = { pepper: 'q3Wx71nVhT2pLw0Xc9Rf5KsBn4Yd6GjEa' };
/** Generous: nobody here comes near any of them. */
const generous = {
  limits: [
    { per: 'key', requests: '1000000/min', burst: 10_000 },
    { per: 'tenant', tokens: '100M/min', concurrent: 500 },
  ],
  budgets: [
    { per: 'tenant', usd: 1_000_000, window: 'month' },
    { per: 'key', requests: 1_000_000_000, window: 'day' },
  ],
  prices: { fast: { inputPerM: 1, outputPerM: 10 } },
};
const upstreamKey = 'sk-canary-of-the-upstream-4f1e';
export const prompt = 'canary-of-a-prompt-77ab';

/** The way to a server, where it is not the short one. */
type Way = (url: string) => string | Promise<string>;

export async function openWholeRig(
  t: Pick<TestContext, 'after'>,
  way: Way = (url) => url,
): Promise<WholeRig> {
  const [redis, postgres, issuer, load] = await Promise.all([
    openRedisServer(),
    openPostgresServer({
      config: { max_connections: '40', shared_preload_libraries: 'pg_stat_statements' },
    }),
    openHandMadeIssuer(),
    openLoadProcess(t),
  ]);
  const store = await postgres.createDatabase();
  const stores = { store: await way(store), shared: await way(redis.url) };
  const config = configOf(issuer, { ...upstreamsAt(load), ...stores });
  const replicas = await Promise.all([openTestGateway({ config }), openTestGateway({ config })]);
  t.after(async () => {
    await Promise.all(replicas.map((replica) => replica.close()));
    await Promise.all([redis.stop(), postgres.stop(), issuer.close()]);
  });
  for (const { gateway } of replicas) {
    await until('they know of each other', () => gateway.lasting.shared.presence.count() === 2);
  }
  const token = await issuer.sign();
  const key = await openKey(replicas);
  const passwords = [redis.url, postgres.url].map((url) => new URL(url).password);
  const secrets = [key, token, prompt, upstreamKey, identity.pepper, ...passwords];
  const degraded = () =>
    Promise.all(
      replicas.map(async ({ url, key }) => {
        const reply = await fetch(`${url}/v1/models`, { headers: headersOf(key) });
        await reply.arrayBuffer();
        return reply.headers.get('x-millrace-degraded') ?? '';
      }),
    );
  return {
    redis,
    postgres,
    store,
    replicas,
    load,
    secrets,
    degraded,
    round: callersOf(replicas, key, token),
  };
}

const upstreamsAt = ({ url }: LoadProcess) => ({
  upstreams: { fast: { type: 'openai', url, key: upstreamKey, slots: 400 } },
  models: { fast: { targets: [{ upstream: 'fast', model: 'fake-model' }] } },
  defaultModel: 'fast',
});

/** Keys that all replicas know. */
export async function makeKeys({ replicas }: WholeRig, name: string, count: number): Promise<string[]> {
  const [first, ...others] = replicas;
  assert.ok(first !== undefined);
  const keys: string[] = [];
  for (let number = 0; number < count; number += 1) {
    keys.push(await makeStoredKey(first, { name: `${name}-${number}` }));
  }
  const last = keys.at(-1) ?? '';
  for (const other of others) {
    await until('the other knows the last of them', async () => (await statusWith(other, last)) === 200);
  }
  return keys;
}

function configOf(issuer: HandMadeIssuer, stores: object): Readonly<Record<string, unknown>> {
  const trusted = trusting(issuer) as { identity: object };
  return {
    ...generous,
    ...trusted,
    identity: { ...trusted.identity, ...identity },
    ...stores,
  };
}

/** As through a proxy on this machine: limits do not hold on loopback. */
const headersOf = (credential: string) => ({
  authorization: `Bearer ${credential}`,
  'content-type': 'application/json',
  'x-forwarded-for': '192.0.2.7',
});

const chat = { model: 'fast', max_tokens: 70, messages: [{ role: 'user', content: prompt }] };

/** One that both replicas know. */
async function openKey(replicas: readonly TestGateway[]): Promise<string> {
  const [first] = replicas;
  assert.ok(first !== undefined);
  const key = await makeStoredKey(first, { name: 'ci' });
  for (const { url } of replicas) {
    await until('both know the key', async () => {
      const reply = await fetch(`${url}/v1/models`, { headers: headersOf(key) });
      await reply.arrayBuffer();
      return reply.status === 200;
    });
  }
  return key;
}

function callersOf(replicas: readonly TestGateway[], key: string, token: string): WholeRig['round'] {
  let asked = 0;
  const kinds: Readonly<Record<Kind, () => [path: string, init: RequestInit]>> = {
    'stored key': () => ['/v1/chat/completions', post(key, chat)],
    token: () => ['/v1/chat/completions', post(token, chat)],
    stream: () => ['/v1/chat/completions', post(key, { ...chat, stream: true })],
    'once only': () => {
      asked += 1;
      return ['/v1/chat/completions', post(key, chat, { 'idempotency-key': `once-${asked}` })];
    },
    conversation: () => ['/chat', post(key, { message: prompt, conversation_id: 'one' })],
    models: () => ['/v1/models', { headers: headersOf(key) }],
  };
  return (without = []) =>
    Promise.all(
      replicas.flatMap(({ url }) =>
        Object.entries(kinds)
          .filter(([kind]) => !without.includes(kind as Kind))
          .map(([kind, request]) => see(url, kind as Kind, request())),
      ),
    );
}

const post = (credential: string, body: object, more: object = {}): RequestInit => ({
  method: 'POST',
  headers: { ...headersOf(credential), ...more },
  body: JSON.stringify(body),
});

async function see(url: string, kind: Kind, [path, init]: [string, RequestInit]): Promise<Seen> {
  const startMs = performance.now();
  const reply = await fetch(`${url}${path}`, init);
  await reply.arrayBuffer();
  return {
    kind,
    status: reply.status,
    retryAfter: reply.headers.get('retry-after'),
    tookMs: performance.now() - startMs,
    id: reply.headers.get('x-millrace-id') ?? '',
  };
}
