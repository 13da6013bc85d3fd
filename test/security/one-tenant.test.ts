/** G10: what one tenant said is in nothing that another gets, whatever name, id or key both of them use. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../faults/rig.ts';
import { openTestGateway } from '../gateway.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { spendingConfig } from './spending-rig.ts';

const keyOf = { acme: 'sk-mr-acme-5f0c2c9be6a14f8f8d6a', lab: 'sk-mr-lab-9be65f0c2c9be6a14f8f' } as const;
const said = 'the vault opens at noon';

test('G10: neither a conversation nor an answer that is kept crosses from one tenant to another', async (t) => {
  const llm = await openFakeLlm();
  t.after(() => llm.close());
  const keys = (['acme', 'lab'] as const).map((tenant) => ({
    name: `${tenant}-dev`,
    key: keyOf[tenant],
    tenant,
    user: 'ada',
  }));
  const gateway = await openTestGateway({ config: spendingConfig(llm.port, { keys, defaultModel: 'm' }) });
  t.after(() => gateway.close());
  const upstreamSaw = async () => {
    const { body } = await llm.waitForRequest(({ path }) => path.endsWith('/chat/completions'));
    return body.toString();
  };
  const say = async (tenant: keyof typeof keyOf, message: string, id?: string) => {
    const reply = await fetch(`${gateway.url}/chat`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${keyOf[tenant]}`,
        'content-type': 'application/json',
        'idempotency-key': `one-${message}`,
      },
      body: JSON.stringify({ message, ...(id === undefined ? {} : { conversation_id: id }) }),
    });
    assert.equal(reply.headers.get('idempotent-replayed'), null);
    return { status: reply.status, body: (await reply.json()) as { conversation_id?: string } };
  };
  const { body } = await say('acme', said);
  assert.match(await upstreamSaw(), new RegExp(said));
  const id = body.conversation_id ?? '';
  const { conversations } = gateway.gateway.lasting;
  const turns = () => conversations.read({ tenant: 'acme', user: 'ada' }, id);
  await until('the turn is kept', async () => (await turns()).length === 2);
  await say('acme', 'and then?', id);
  assert.match(await upstreamSaw(), new RegExp(said), 'its own conversation goes on');
  await say('lab', 'what was said before?', id);
  const saw = await upstreamSaw();
  assert.match(saw, /what was said before/);
  assert.ok(!saw.includes(said), 'a conversation of its own, by the same id');
  // The same key and the same body: it is asked anew.
  await say('lab', said);
  assert.match(await upstreamSaw(), new RegExp(said));
});
