/** Single parts of the configuration through the admin API: each change is a version of the whole. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { as, openConfigRig } from './config-rig.ts';

test('an upstream and a model of it come and go, and comments elsewhere stay', async (t) => {
  const rig = await openConfigRig(t);
  const added = await rig.change('upstreams/second', {
    method: 'PUT',
    body: { type: 'simulator', slots: 3 },
    ...as('operator'),
  });
  assert.equal(added.status, 200, JSON.stringify(added.body));
  const targets = [{ upstream: 'second', model: 'simulator' }];
  const model = await rig.change('models/team%2Fmine', { method: 'PUT', body: { targets } });
  assert.equal(model.status, 200, JSON.stringify(model.body));
  const { text, version, config } = await rig.config();
  assert.equal(version, 3);
  assert.match(text, /# The fleet\n/);
  assert.match(text, /# fast\n/);
  assert.equal(config.upstreams.second.slots, 3);
  assert.equal(config.models['team/mine'].targets[0].upstream, 'second');
  const listed = await rig.admin.ask('upstreams');
  assert.deepEqual(
    listed.body.upstreams.map(({ name }: { name: string }) => name),
    ['second', 'sim'],
  );
  const inUse = await rig.change('upstreams/second', { method: 'DELETE' });
  assert.equal(inUse.status, 422);
  assert.match(inUse.body.problems[0].message, /there is no upstream of this name/);
  assert.equal((await rig.change('models/team%2Fmine', { method: 'DELETE' })).status, 200);
  assert.equal((await rig.change('upstreams/second', { method: 'DELETE' })).status, 200);
  assert.equal((await rig.change('upstreams/second', { method: 'DELETE' })).status, 404);
  // Nor is there anything else of its kind.
  assert.equal((await rig.change('prices/nobody', { method: 'DELETE' })).status, 404);
  assert.deepEqual(
    (await rig.history()).map(({ note }) => note),
    ['upstreams.second removed', 'models.team/mine removed', 'models.team/mine', 'upstreams.second', ''],
  );
});

test('G7: what does not belong in a part is refused with its place, whatever it is called', async (t) => {
  const rig = await openConfigRig(t);
  const shapes: readonly (readonly [path: string, body: unknown])[] = [
    ['upstreams/x', { type: 'simulator', command: '/bin/sh' }],
    ['upstreams/x', { type: 'mcp', transport: 'stdio', command: 'sh', args: ['-c', 'id'] }],
    ['upstreams/x', { type: 'llamacpp', file: '/etc/passwd' }],
    ['upstreams/x', { type: 'openai', url: '{{7*7}}' }],
    ['upstreams/x', { type: 'openai', url: '$' + '{PATH}' }],
    ['upstreams/x', { type: 'openai', url: 'http://metadata.google.internal/' }],
    ['upstreams/x', { type: 'openai', url: 'http://h', key: secret }],
    ['upstreams/__proto__', { type: 'simulator' }],
    ['upstreams/constructor', { type: 'simulator' }],
    ['upstreams/%7B%7B7*7%7D%7D', { type: 'simulator' }],
    ['upstreams/x', JSON.parse('{"type":"simulator","__proto__":{"slots":1}}')],
    ['models/x', { targets: [], path: '/etc/passwd' }],
    ['prices/x', { inputPerM: 1, outputPerM: 2, template: '{{7*7}}' }],
    ['limits', { items: [{ per: 'key', requests: 'many' }] }],
    ['budgets', { items: [{ per: 'everybody', usd: 1, window: 'day' }] }],
  ];
  for (const [path, body] of shapes) {
    const put = await rig.change(path, { method: 'PUT', body });
    assert.ok([400, 422].includes(put.status), `${path} ${JSON.stringify(body)}: ${put.status}`);
  }
  assert.deepEqual(await rig.history(), []);
});

const secret = 'sk-mr-5b0c2c9be6a14f8f8d6a';

test('limits, budgets and prices are set as the configuration has them, by whoever may', async (t) => {
  const rig = await openConfigRig(t);
  const limits = await rig.change('limits', {
    method: 'PUT',
    body: { items: [{ per: 'tenant', requests: '77/min' }] },
    ...as('operator'),
  });
  assert.equal(limits.status, 200, JSON.stringify(limits.body));
  assert.deepEqual((await rig.admin.ask('limits')).body.items, [{ per: 'tenant', requests: '77/min' }]);
  const items = [{ per: 'tenant', requests: 10, window: 'month', name: 'asked' }];
  const refused = await rig.change('budgets', { method: 'PUT', body: { items }, ...as('operator') });
  assert.equal(refused.status, 403);
  const budgets = await rig.change('budgets', { method: 'PUT', body: { items }, ...as('admin') });
  assert.equal(budgets.status, 200, JSON.stringify(budgets.body));
  const prices = await rig.change('prices/simulator', {
    method: 'PUT',
    body: { inputPerM: 1, outputPerM: 2 },
    ...as('admin'),
  });
  assert.equal(prices.status, 200, JSON.stringify(prices.body));
  assert.deepEqual((await rig.admin.ask('prices', as('billing'))).body.prices, {
    simulator: { inputPerM: 1, outputPerM: 2 },
  });
  const { url, key } = rig.admin.gateway;
  const asked = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'simulator', max_tokens: 2, messages: [{ role: 'user', content: 'hi' }] }),
  });
  assert.equal(asked.status, 200, await asked.text());
  const { body } = await rig.admin.ask('budgets', as('billing'));
  const [standing] = body.items;
  assert.deepEqual(
    [standing.name, standing.holder, standing.limit, standing.spent + standing.reserved],
    ['asked', 'default', 10, 1],
  );
  assert.deepEqual((await rig.admin.ask('budgets?tenant=acme', as('billing'))).body.items, []);
});
