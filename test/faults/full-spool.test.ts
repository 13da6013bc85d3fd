/** K1: when what is spent can no longer be written down, nothing more is spent; what costs nothing goes on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { openGatedLlm } from '../upstream/gated-llm.ts';
import { until } from './rig.ts';

test('K1: with a full spool what costs money is refused with 503, and what costs nothing goes on', async (t) => {
  const llm = await openGatedLlm(t);
  const gateway = await openTestGateway({
    config: {
      store: 'postgres://nobody:nothing@127.0.0.1:1/none',
      spool: { bytes: '64KiB' },
      upstreams: { dear: engine, free: engine, gated: { type: 'openai', url: llm.url } },
      models: {
        gated: { targets: [{ upstream: 'gated', model: 'gated' }] },
        dear: { targets: [{ upstream: 'dear', model: 'simulator' }] },
        free: { targets: [{ upstream: 'free', model: 'simulator' }] },
      },
      prices: { dear: { inputPerM: 1, outputPerM: 2 }, gated: { inputPerM: 1, outputPerM: 2 } },
    },
  });
  t.after(() => gateway.close());
  assert.equal((await chat(gateway, 'dear')).status, 200);
  llm.shut();
  const goingOn = chat(gateway, 'gated');
  await until('it is under way', () => llm.asked === 1);
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
  const lost = await linesLost(gateway);
  assert.ok(lost >= 1, `${lost} lines are counted as lost`);
  llm.open();
  const answer = await goingOn;
  await answer.arrayBuffer();
  assert.equal(await linesLost(gateway), lost, 'what was let in before has its settlement kept');
  const rows = await gateway.gateway.lasting.spool.unshipped({ ours: true, names: [[]] });
  const kept = rows.find(({ id }) => id === answer.headers.get('x-millrace-id'));
  assert.equal(kept?.outcome, 'complete');
  assert.ok((kept?.costNanoUsd ?? 0) > 0);
});

const engine = { type: 'simulator', tokensPerSecond: 100_000, firstTokenMs: 1, slots: 8 };

async function linesLost({ url }: TestGateway): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  return Number(/^millrace_spool_lost (\d+)$/m.exec(metrics)?.[1] ?? 0);
}

async function chat({ url, key }: TestGateway, model: string): Promise<Response> {
  return await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, max_tokens: 4, messages: [{ role: 'user', content: 'hi' }] }),
  });
}
