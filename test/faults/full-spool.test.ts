/** K1: when what is spent can no longer be written down, nothing more is spent; what costs nothing goes on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { until } from './rig.ts';

test('K1: with a full spool what costs money is refused with 503, and what costs nothing goes on', async (t) => {
  const gateway = await openTestGateway({
    config: {
      store: 'postgres://nobody:nothing@127.0.0.1:1/none',
      spool: { bytes: '64KiB' },
      upstreams: { dear: engine, free: engine },
      models: {
        dear: { targets: [{ upstream: 'dear', model: 'simulator' }] },
        free: { targets: [{ upstream: 'free', model: 'simulator' }] },
      },
      prices: { dear: { inputPerM: 1, outputPerM: 2 } },
    },
  });
  t.after(() => gateway.close());
  assert.equal((await chat(gateway, 'dear')).status, 200);
  await until('the spool is full', async () => {
    assert.equal((await chat(gateway, 'free')).status, 200);
    return gateway.lines.some((line) => line.includes('cannot be kept'));
  });
  const refused = await chat(gateway, 'dear');
  assert.equal(refused.status, 503);
  assert.match(await refused.text(), /cannot be written down/);
  assert.equal(refused.headers.get('retry-after'), '5');
  assert.equal((await chat(gateway, 'free')).status, 200);
  const last = JSON.parse(gateway.exchangeLines.findLast((line) => line.includes('"model":"dear"')) ?? '{}');
  assert.equal(last.code, 'dependency_unavailable');
  assert.equal(last.upstream, '', 'nothing was sent');
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  const lost = Number(/^millrace_spool_lost (\d+)$/m.exec(metrics)?.[1] ?? 0);
  assert.ok(lost >= 1, `${lost} lines are counted as lost`);
});

const engine = { type: 'simulator', tokensPerSecond: 100_000, firstTokenMs: 1, slots: 8 };

async function chat({ url, key }: TestGateway, model: string): Promise<Response> {
  return await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, max_tokens: 4, messages: [{ role: 'user', content: 'hi' }] }),
  });
}
