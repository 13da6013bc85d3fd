/** G10, G1: over two replicas that share Redis and PostgreSQL, nothing of one tenant is in what another gets at either of them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type AskOptions, keyOf, openTestAdmin, roleKeys, type TestAdmin } from '../admin-rig.ts';
import { until } from '../faults/rig.ts';
import { openPostgresServer } from '../servers/postgres-server.ts';
import { openRedisServer } from '../servers/redis-server.ts';
import { type FakeLlm, openFakeLlm } from '../upstream/fake-llm.ts';
import { spendingConfig } from './spending-rig.ts';

type Tenant = 'acme' | 'lab';
const tenants = ['acme', 'lab'] as const;
/** People of the same name in both. */
const ownerOf = (tenant: Tenant) => keyOf(tenant, 'owner');
const user = 'owner-person';
const said = { acme: 'the vault opens at noon', lab: 'the mice sleep at dawn' } as const;

let llm: FakeLlm;
let pair: readonly TestAdmin[];
const closing: (() => unknown)[] = [];

before(async () => {
  const [redis, postgres] = await Promise.all([openRedisServer(), openPostgresServer()]);
  closing.push(() => Promise.all([redis.stop(), postgres.stop()]));
  llm = await openFakeLlm();
  closing.unshift(() => llm.close());
  const config = spendingConfig(llm.port, {
    store: await postgres.createDatabase(),
    shared: redis.url,
    keys: tenants.flatMap(roleKeys),
    identity: { pepper: 'x7Qz81mVhT2pLw0Xc9Rf5KsBn4Yd6GjEa' },
    defaultModel: 'm',
  });
  pair = [await openTestAdmin({ config }), await openTestAdmin({ config })];
  closing.unshift(() => Promise.all(pair.map((admin) => admin.close())));
  for (const name of tenants) {
    const made = await pair[0]?.ask('tenants', { method: 'POST', body: { name, keepContentDays: 1 } });
    assert.equal(made?.status, 201);
  }
  for (const { gateway } of pair)
    await until('both know the tenants', () =>
      tenants.every((tenant) => gateway.gateway.lasting.privacy.daysOf(tenant) === 1),
    );
});
after(async () => {
  for (const close of closing) await close();
});

interface Said {
  readonly status: number;
  readonly isReplayed: boolean;
  readonly exchange: string;
  readonly conversation: string;
  /** What the upstream was sent for it; nothing where it was sent nothing. */
  readonly upstreamSaw: string;
}

async function say(
  at: TestAdmin,
  tenant: Tenant,
  message: string,
  given: { id?: string; key?: string } = {},
): Promise<Said> {
  const { id, key } = given;
  const before = sent().length;
  const reply = await fetch(`${at.gateway.url}/chat`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${ownerOf(tenant)}`,
      'content-type': 'application/json',
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    body: JSON.stringify({ message, ...(id === undefined ? {} : { conversation_id: id }) }),
  });
  const body = (await reply.json()) as { conversation_id?: string };
  return {
    status: reply.status,
    isReplayed: reply.headers.has('idempotent-replayed'),
    exchange: reply.headers.get('x-millrace-id') ?? '',
    conversation: body.conversation_id ?? '',
    upstreamSaw: sent()
      .slice(before)
      .map(({ body: bytes }) => bytes.toString())
      .join('\n'),
  };
}

const sent = () => llm.requests.filter(({ method }) => method === 'POST');

async function turnsOf(tenant: Tenant, id: string, count: number): Promise<void> {
  for (const { gateway } of pair)
    await until(`${count} turns are kept`, async () => {
      const { conversations } = gateway.gateway.lasting;
      return (await conversations.read({ tenant, user }, id)).length === count;
    });
}

for (const [first, second] of [
  [0, 1],
  [1, 0],
] as const) {
  test(`what one said at replica ${first} goes on at replica ${second}, and for the other tenant at neither`, async () => {
    const [here, there] = [pair[first], pair[second]] as [TestAdmin, TestAdmin];
    const key = `one-${first}`;
    const begun = await say(here, 'acme', said.acme, { key });
    assert.match(begun.upstreamSaw, new RegExp(said.acme));
    const id = begun.conversation;
    await turnsOf('acme', id, 2);
    const again = await say(there, 'acme', said.acme, { key });
    assert.deepEqual([again.isReplayed, again.conversation, again.upstreamSaw], [true, id, '']);
    for (const [count, at] of [here, there].entries()) {
      const others = await say(at, 'lab', 'what was said?', { id });
      assert.equal(others.status, 200);
      assert.match(others.upstreamSaw, /what was said/);
      assert.doesNotMatch(
        others.upstreamSaw,
        new RegExp(said.acme),
        'a conversation of its own, by the same id',
      );
      await turnsOf('lab', id, 2 * (count + 1));
    }
    // By the same key: asked anew once, and then told its own.
    const own = await say(here, 'lab', said.acme, { key });
    assert.deepEqual([own.isReplayed, own.upstreamSaw.includes(said.acme)], [false, true]);
    assert.notEqual(own.conversation, id);
    const ownAgain = await say(there, 'lab', said.acme, { key });
    assert.deepEqual([ownAgain.isReplayed, ownAgain.conversation], [true, own.conversation]);
    const on = await say(there, 'acme', 'and then?', { id });
    assert.match(on.upstreamSaw, new RegExp(said.acme), 'its own goes on at the other');
    assert.doesNotMatch(on.upstreamSaw, /what was said/);
  });
}

test('ledger, costs, exports, contents and every listing of a tenant are its own at both replicas', async () => {
  const [one, two] = pair as readonly [TestAdmin, TestAdmin];
  // A word of each, said in a conversation and kept.
  const ids = {
    acme: (await say(one, 'acme', `${said.acme} of acme-canary`)).exchange,
    lab: (await say(two, 'lab', `${said.lab} of lab-canary`)).exchange,
  };
  for (const { gateway } of pair) await gateway.gateway.lasting.privacy.contents.flush();
  const each = pair.flatMap((at) => [
    { at, tenant: 'acme', other: 'lab' } as const,
    { at, tenant: 'lab', other: 'acme' } as const,
  ]);
  const exporting = { path: 'privacy/export', method: 'POST', body: { user } } as const;
  // All at once: each waits until the other replica has written down what it knows.
  const exported = await Promise.all(
    each.map(({ at, tenant }) => shown(at, exporting.path, { as: ownerOf(tenant), ...exporting })),
  );
  for (const [index, { at, tenant, other }] of each.entries()) {
    const own = (path: string, given: object = {}) => shown(at, path, { as: ownerOf(tenant), ...given });
    await until('its exchange is in the ledger', async () =>
      (await own('exchanges?limit=100')).includes(ids[tenant]),
    );
    const strange = [ids[other], `${other}-canary`, `"${other}"`, `${other}-owner`];
    const texts = [[exporting.path, exported[index]]];
    for (const path of listings(at)) texts.push([path, await own(path)]);
    for (const [path, text = ''] of texts)
      for (const word of strange) assert.ok(!text.includes(word), `${path} shows ${tenant} ${word}`);
    assert.ok(texts[0]?.[1]?.includes(`${tenant}-canary`), `${tenant} is given its own`);
    assert.ok((await own(`contents/${ids[tenant]}`)).includes(`${tenant}-canary`));
  }
  // Afterwards: that somebody asked for it stands in his own tenant's audit log.
  for (const { at, tenant, other } of each) {
    const paths = [...listings(at), `contents/${ids[other]}`].map((path) => [
      path,
      `${path}?tenant=${other}`,
    ]);
    for (const [path = '', named = ''] of [...paths, [`contents/${ids[other]}`, `contents/${ids[other]}`]]) {
      const { status } = await at.ask(named, { as: ownerOf(tenant) });
      assert.ok([403, 404].includes(status), `${path} of ${other}: ${status}`);
    }
    const { status } = await at.ask(`${exporting.path}?tenant=${other}`, {
      ...exporting,
      as: ownerOf(tenant),
    });
    assert.ok([403, 404].includes(status), `${status}`);
  }
});

async function shown(at: TestAdmin, path: string, given: AskOptions): Promise<string> {
  const { status, body } = await at.ask(path, given);
  assert.equal(status, 200, `${path}: ${JSON.stringify(body)}`);
  return typeof body === 'string' ? body : JSON.stringify(body);
}

/** What lists or sums a tenant's things, and names none of them. */
function listings({ routes }: TestAdmin): readonly string[] {
  const rows = routes.filter(({ method, scope, path, permission }) => {
    const isListing = method === 'GET' && scope === 'tenant' && !path.includes(':');
    return isListing && permission !== 'public' && permission !== 'session:own';
  });
  assert.ok(rows.length >= 8, `${rows.length}`);
  return rows.map(({ path }) => path.replace('/admin/api/v1/', ''));
}
