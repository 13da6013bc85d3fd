/** Where requests go that find several servers free, as the configuration says. The clock stands still: nobody is faster. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { until } from '../faults/rig.ts';
import { openTestGateway } from '../gateway.ts';
import { createHeldClock } from '../held-clock.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';

interface Message {
  readonly role: string;
  readonly content: string;
}

/** Two servers, `a` and `b`, each with a model of its name behind `m`. Tells which of them answered. */
async function openPair(t: TestContext, model: object, config: object = {}) {
  const llms = await Promise.all([openFakeLlm(), openFakeLlm()]);
  t.after(() => Promise.all(llms.map((llm) => llm.close())));
  const names = ['a', 'b'];
  const gateway = await openTestGateway({
    clock: createHeldClock(),
    config: {
      upstreams: Object.fromEntries(
        names.map((name, at) => [name, { type: 'openai', url: `${llms[at]?.url}/v1`, slots: 4 }]),
      ),
      models: { m: { targets: names.map((name) => ({ upstream: name, model: name })), ...model } },
      ...config,
    },
  });
  t.after(() => gateway.close());
  const { scheduler } = gateway.gateway.lasting;
  return async (messages: readonly Message[]): Promise<string> => {
    const reply = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', messages }),
    });
    assert.equal(reply.status, 200);
    await reply.text();
    await until('the slot is free again', () => scheduler.occupied.length === 0);
    return (reply.headers.get('x-millrace-target') ?? '').charAt(0);
  };
}

/** The servers that the turns of each of eight conversations went to. */
async function serversOf(ask: (messages: readonly Message[]) => Promise<string>): Promise<readonly string[]> {
  const went: string[] = [];
  for (let conversation = 0; conversation < 8; conversation += 1) {
    const messages = [
      { role: 'system', content: 'You answer shortly.' },
      { role: 'user', content: `Question ${conversation}` },
      { role: 'assistant', content: 'An answer.' },
    ];
    let servers = '';
    for (let turn = 0; turn < 4; turn += 1) {
      messages.push({ role: 'user', content: `And ${turn}?` });
      servers += await ask(messages);
      messages.push({ role: 'assistant', content: `Answer ${turn}.` });
    }
    went.push(servers);
  }
  return went;
}

test('the turns of a conversation go to one server', async (t) => {
  const ask = await openPair(t, { affinity: 'auto' });
  for (const servers of await serversOf(ask)) assert.match(servers, /^(?:aaaa|bbbb)$/);
});

test('without affinity servers that are as quick take turns', async (t) => {
  const ask = await openPair(t, { affinity: 'off' });
  for (const servers of await serversOf(ask)) assert.match(servers, /^(?:abab|baba)$/);
});

test('of servers that are as quick the one with the lower price is asked, and by weight only where that is the policy', async (t) => {
  const prices = { a: { inputPerM: 1, outputPerM: 9 }, b: { inputPerM: 1, outputPerM: 2 } };
  const cheapest = await openPair(t, { affinity: 'off' }, { prices });
  const targets = [
    { upstream: 'a', model: 'a', weight: 3 },
    { upstream: 'b', model: 'b' },
  ];
  const weighted = await openPair(t, { policy: 'weighted', targets }, { prices });
  const asked = [{ role: 'user', content: 'hello' }];
  const went = { cheapest: '', weighted: '' };
  for (let count = 0; count < 4; count += 1) {
    went.cheapest += await cheapest(asked);
    went.weighted += await weighted(asked);
  }
  assert.deepEqual([went.cheapest, [...went.weighted].sort().join('')], ['bbbb', 'aaab']);
});
