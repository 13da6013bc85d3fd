/** Every listing is asked for in pages, and in the same way. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { keyOf, openTestAdmin, roleKeys, type TestAdmin } from '../admin-rig.ts';
import { simulator } from '../gateway.ts';

const names = ['b', 'a', 'd', 'c', 'e'];
let rig: TestAdmin;
before(async () => {
  rig = await openTestAdmin({
    config: {
      ...simulator,
      upstreams: {
        ...Object.fromEntries(names.map((name) => [name, { type: 'simulator' }])),
        ...simulator.upstreams,
      },
      models: Object.fromEntries(
        names.map((name) => [`m-${name}`, { targets: [{ upstream: name, model: 'simulator' }] }]),
      ),
      defaultModel: 'm-a',
      keys: [...roleKeys('default'), ...roleKeys('acme')],
      budgets: [
        { per: 'tenant', tokens: 1e9, window: 'month' },
        { per: 'key', requests: 1_000, window: 'day' },
      ],
    },
  });
  for (const name of names)
    await rig.ask(`secrets/s-${name}`, { method: 'PUT', body: { value: 'any value' } });
  for (const tenant of ['default', 'acme']) {
    for (const role of ['owner', 'developer'] as const) {
      const reply = await fetch(`${rig.gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${keyOf(tenant, role)}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'm-a', max_tokens: 2, messages: [{ role: 'user', content: 'hi' }] }),
      });
      assert.equal(reply.status, 200, await reply.text());
    }
  }
});
after(() => rig.close());

interface Listing {
  readonly path: string;
  readonly items: string;
  /** Tells each from all others. */
  readonly of: (item: Record<string, string>) => string;
}

const byName = ({ name = '', tenant = '' }: Record<string, string>) => `${tenant} ${name}`;
const listings: readonly Listing[] = [
  { path: 'upstreams', items: 'upstreams', of: byName },
  { path: 'models', items: 'models', of: byName },
  { path: 'configured-keys', items: 'keys', of: byName },
  { path: 'secrets', items: 'items', of: byName },
  { path: 'budgets', items: 'items', of: ({ name, per, holder }) => `${name} ${per} ${holder}` },
];

for (const { path, items, of } of listings) {
  test(`${path}: page by page it is the same as at once, in one order, and the header leads on as the body does`, async () => {
    const whole = (await rig.ask(`${path}?limit=500`)).body;
    assert.equal(whole.next, undefined);
    const all: string[] = whole[items].map(of);
    assert.ok(all.length >= 5 && new Set(all).size === all.length, `${all}`);
    const found: string[] = [];
    let asked = `${path}?limit=2`;
    for (;;) {
      const { body, headers } = await rig.ask(asked);
      found.push(...body[items].map(of));
      const [, link] = /^<(\?[^>]+)>; rel="next"$/.exec(headers.get('link') ?? '') ?? [];
      assert.equal(link === undefined, body.next === undefined);
      if (link === undefined) break;
      assert.equal(new URLSearchParams(link).get('after'), body.next);
      asked = `${path}${link}`;
    }
    assert.deepEqual(found, all);
    for (const after of ['nonsense', '', Buffer.from('["a","b","c","d","e"]').toString('base64url')]) {
      assert.equal((await rig.ask(`${path}?after=${after}`)).status, 400, after);
    }
    assert.equal((await rig.ask(`${path}?limit=501`)).status, 400);
  });
}

test('budgets are found by their holder, and only those of the own tenant', async () => {
  const holders = async (query: string, as = keyOf('default', 'owner')) =>
    (await rig.ask(`budgets?${query}`, { as })).body.items.map(
      ({ holder }: Record<string, string>) => holder,
    );
  assert.deepEqual(await holders('holder=acme'), ['acme']);
  const one = await holders('holder=acme/acme-owner');
  assert.deepEqual(one, ['acme/acme-owner']);
  assert.deepEqual(await holders('holder=default', keyOf('acme', 'owner')), []);
  assert.equal((await holders('', keyOf('acme', 'owner'))).length, 3);
});
