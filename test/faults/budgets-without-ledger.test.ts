// G19: where nobody can tell what was spent, it is an outage of ours and no spent budget.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTestGateway } from '../gateway.ts';

const away = {
  // Nobody listens there.
  store: 'postgres://nobody:secret@127.0.0.1:1/nothing',
};
const budgets = [{ per: 'key', requests: 1_000, window: 'month' }];

test('DP9, G19: a budget whose ledger is away from the start is answered 503 soon, and never 402 or 429', async (t) => {
  const gateway = await openTestGateway({ config: { ...away, budgets } });
  t.after(() => gateway.close());
  const chat = () =>
    fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'simulator',
        max_tokens: 4,
        messages: [{ role: 'user', content: 'hi' }],
      }),
    });
  const startMs = performance.now();
  const replies = await Promise.all(Array.from({ length: 20 }, chat));
  assert.ok(performance.now() - startMs < 3_000, `${performance.now() - startMs} ms`);
  assert.deepEqual([...new Set(replies.map(({ status }) => status))], [503]);
  const bodies = await Promise.all(replies.map((reply) => reply.text()));
  assert.match(bodies[0] ?? '', /dependency_unavailable/);
  await gateway.reload(away);
  assert.equal((await chat()).status, 200, 'who has no budget needs no ledger');
});
