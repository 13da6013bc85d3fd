import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openTestGateway, simulator } from '../gateway.ts';

const models = {
  big: { targets: [{ upstream: 'sim', model: 'simulator' }] },
  small: { targets: [{ upstream: 'sim', model: 'simulator' }] },
};

async function open(t: TestContext, limits: readonly object[]) {
  const gateway = await openTestGateway({
    config: { upstreams: simulator.upstreams, models, defaultModel: 'small', limits },
  });
  t.after(() => gateway.close());
  return async (model: string, path = '/v1/chat/completions') => {
    const response = await fetch(`${gateway.url}${path}`, {
      method: 'POST',
      // Limits do not hold on loopback, unless a proxy there speaks for others.
      headers: {
        authorization: `Bearer ${gateway.key}`,
        'content-type': 'application/json',
        'x-forwarded-for': '192.0.2.1',
      },
      body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }], stream: false }),
    });
    await response.arrayBuffer();
    return response.status;
  };
}

test('a limit for a model counts calls of that model, whatever dialect asks', async (t) => {
  const call = await open(t, [{ per: 'key', model: 'big', requests: '2/hour', burst: 2 }]);
  assert.equal(await call('big'), 200);
  assert.equal(await call('big', '/api/chat'), 200);
  assert.equal(await call('big', '/api/chat'), 429);
  assert.equal(await call('small'), 200);
});

test('a limit per model counts each, and the default model by its name', async (t) => {
  const call = await open(t, [{ per: 'model', requests: '1/hour', burst: 1 }]);
  assert.equal(await call('small'), 200);
  assert.equal(await call(''), 429);
  assert.equal(await call('big'), 200);
});

test('a global limit holds for all routes together', async (t) => {
  const call = await open(t, [{ per: 'global', requests: '2/hour', burst: 2 }]);
  assert.equal(await call('small'), 200);
  assert.equal(await call('big', '/api/chat'), 200);
  assert.equal(await call('small'), 429);
});
