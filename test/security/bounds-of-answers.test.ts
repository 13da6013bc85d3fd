/** G11: nobody passes a budget by bounding an answer in a way that only some servers see. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openTestGateway } from '../gateway.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { chat, spendingConfig, usdFor } from './spending-rig.ts';

async function open(t: TestContext, tokens: number) {
  const llm = await openFakeLlm({ chunks: ['yes'], usage: { prompt: 3, completion: 1 } });
  t.after(() => llm.close());
  const budgets = [{ per: 'tenant', usd: usdFor(tokens), window: 'day' }];
  const gateway = await openTestGateway({ config: spendingConfig(llm.port, { budgets }) });
  t.after(() => gateway.close());
  return { llm, gateway };
}

const paths = ['/v1/chat/completions', '/v1/completions'];

test('G11: what one server reads as the bound and another passes over is refused, and nothing sent', async (t) => {
  const { llm, gateway } = await open(t, 2_000);
  for (const fields of [
    { max_completion_tokens: 1, max_tokens: 100_000 },
    { max_tokens: 1, max_completion_tokens: 100_000 },
    { max_tokens: 1, n_predict: 100_000 },
    { max_tokens: 1, n_predict: -1 },
    { n: 1, n_cmpl: 8 },
  ]) {
    for (const path of paths) {
      const refused = await chat(gateway, { path, stream: true, fields: { prompt: 'hi', ...fields } });
      const text = await refused.text();
      assert.equal(refused.status, 400, `${path} ${JSON.stringify(fields)}: ${text}`);
      assert.match(text, /contradicts/);
    }
  }
  assert.equal(llm.requests.filter(({ path }) => path.endsWith('completions')).length, 0);
});

test('what says the same twice, or is null, contradicts nothing', async (t) => {
  const { gateway } = await open(t, 2_000);
  const fields = { max_tokens: 5, max_completion_tokens: 5, n_predict: null, n: 1, n_cmpl: 1 };
  assert.equal((await chat(gateway, { fields })).status, 200);
});

for (const fields of [
  { max_tokens: 0 },
  { n_predict: -1 },
  { max_tokens: 2, n_cmpl: 8 },
  { n_predict: 11 },
]) {
  test(`G11: it is set aside what a local server may make of ${JSON.stringify(fields)}`, async (t) => {
    const { gateway } = await open(t, 10);
    for (const path of paths) {
      const refused = await chat(gateway, { path, fields: { prompt: 'hi', ...fields } });
      assert.equal(refused.status, 429, `${path}: ${await refused.text()}`);
    }
  });
}
