/** Where `auto` sends the turns of a conversation: to the server that has its beginning in memory. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { until } from '../faults/rig.ts';
import { openTestGateway } from '../gateway.ts';
import { createHeldClock } from '../held-clock.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';

/** The servers that the turns of each of eight conversations went to. The clock stands still: no server is the faster one. */
async function serversOf(t: TestContext, affinity: 'auto' | 'off'): Promise<readonly string[]> {
  const llms = await Promise.all([openFakeLlm(), openFakeLlm()]);
  t.after(() => Promise.all(llms.map((llm) => llm.close())));
  const names = ['a', 'b'];
  const gateway = await openTestGateway({
    clock: createHeldClock(),
    config: {
      upstreams: Object.fromEntries(
        names.map((name, at) => [name, { type: 'openai', url: `${llms[at]?.url}/v1`, slots: 4 }]),
      ),
      models: {
        m: { targets: names.map((upstream) => ({ upstream, model: 'fake-model' })), affinity },
      },
    },
  });
  t.after(() => gateway.close());
  const { scheduler } = gateway.gateway.lasting;
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
      const reply = await fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'm', messages }),
      });
      assert.equal(reply.status, 200);
      servers += (reply.headers.get('x-millrace-target') ?? '').charAt(0);
      await reply.text();
      await until('the slot is free again', () => scheduler.occupied.length === 0);
      messages.push({ role: 'assistant', content: `Answer ${turn}.` });
    }
    went.push(servers);
  }
  return went;
}

test('the turns of a conversation go to one server', async (t) => {
  for (const servers of await serversOf(t, 'auto')) assert.match(servers, /^(?:aaaa|bbbb)$/);
});

test('without affinity servers that are as quick take turns', async (t) => {
  for (const servers of await serversOf(t, 'off')) assert.match(servers, /^(?:abab|baba)$/);
});
