import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTestGateway } from '../gateway.ts';

test('a limit on a path holds for every path of the same route', async (t) => {
  const gateway = await openTestGateway({
    config: { limits: [{ per: 'key', requests: '1/hour', burst: 1, route: '/v1/chat/completions' }] },
  });
  t.after(() => gateway.close());
  const call = async (path: string) => {
    const response = await fetch(`${gateway.url}${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${gateway.key}`,
        'content-type': 'application/json',
        // Limits do not hold on loopback, unless a proxy there speaks for others.
        'x-forwarded-for': '192.0.2.1',
      },
      body: JSON.stringify({
        model: 'simulator',
        messages: [{ role: 'user', content: 'hi' }],
        max_tokens: 1,
      }),
    });
    await response.arrayBuffer();
    return response.status;
  };
  assert.equal(await call('/v1/chat/completions'), 200);
  assert.equal(await call('/chat/completions'), 429);
  assert.equal(await call('/v1/chat/completions'), 429);
});
