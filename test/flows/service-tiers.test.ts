// What is served otherwise than usual has a price of its own: it is set aside at the dearest that was asked for, and priced as the answer says.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Rates } from '../../src/money/price.ts';
import { readPriceCatalogue } from '../../src/money/price-catalogue.ts';
import { openTestAdmin } from '../admin-rig.ts';
import { runSecret } from '../run-canary.ts';
import { openCloud } from '../upstream/named-cloud.ts';

const usage = { prompt_tokens: 1_000, completion_tokens: 100 };
const model = 'gpt-4o';
const [listed] = readPriceCatalogue().find(model, 'api.openai.com') ?? [];
const { rates, services = {} } = listed ?? assert.fail('the catalogue does not know it');
const { priority: priorityRates = assert.fail('the catalogue does not know what it costs so') } = services;

const nanoUsd = ({ input, output }: Rates) => (1_000 * input + 100 * output) / 1_000;

async function open(t: TestContext, more: Readonly<Record<string, unknown>> = {}) {
  const llm = await openCloud(t, usage);
  const upstreams = { cloud: { type: 'openai', url: llm.namedUrl, key: runSecret('provider') } };
  const admin = await openTestAdmin({ config: { upstreams, dns: llm.dns, ...more } });
  t.after(admin.close);
  const { gateway } = admin;
  const ask = (fields: object) =>
    fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        model: `cloud/${model}`,
        messages: [{ role: 'user', content: 'hi' }],
        ...fields,
      }),
    });
  /** What the next answers say of themselves. */
  const tell = (tier: string | undefined, stream = false) => {
    const said = tier === undefined ? {} : { service_tier: tier };
    const chat = { id: 'chatcmpl-1', object: 'chat.completion', ...said };
    const message = { role: 'assistant', content: 'hello' };
    if (!stream) {
      const choices = [{ index: 0, message, finish_reason: 'stop' }];
      return llm.behave({ body: JSON.stringify({ ...chat, choices, usage }), headers: {} });
    }
    const events = [
      { ...chat, choices: [{ index: 0, delta: message }] },
      { id: 'chatcmpl-1', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
      { id: 'chatcmpl-1', choices: [], usage },
    ];
    const lines = [...events.map((event) => JSON.stringify(event)), '[DONE]'];
    llm.behave({
      body: lines.map((line) => `data: ${line}\n\n`).join(''),
      headers: { 'content-type': 'text/event-stream' },
    });
  };
  const line = () => gateway.exchangeLines.at(-1) ?? '';
  const costs = async (fields: object) => {
    const reply = await ask(fields);
    assert.equal(reply.status, 200, await reply.text());
    await t.waitFor(() => assert.match(line(), new RegExp(`"id":"${reply.headers.get('x-millrace-id')}"`)));
    return JSON.parse(line()).costNanoUsd as number;
  };
  return { ask, tell, costs, line, admin };
}

test('an answer is priced by the service that it tells, whole or as a stream, and what was asked for and not given is not paid for', async (t) => {
  const { tell, costs, line } = await open(t);
  const priority = nanoUsd(priorityRates);
  assert.ok(priority > nanoUsd(rates));
  for (const stream of [false, true]) {
    tell('priority', stream);
    assert.equal(await costs({ service_tier: 'priority', stream }), priority);
    assert.equal(await costs({ stream }), priority, 'as the account’s project has it');
    assert.match(line(), /"serviceTier":"priority"/);
    tell('default', stream);
    assert.equal(await costs({ service_tier: 'priority', stream }), nanoUsd(rates));
  }
});

test('where an answer tells nothing it costs the dearest that was asked for', async (t) => {
  const { tell, costs } = await open(t);
  tell(undefined);
  assert.equal(await costs({ service_tier: 'priority' }), nanoUsd(priorityRates));
  assert.equal(services.flex, undefined);
  assert.equal(
    await costs({ service_tier: 'flex' }),
    nanoUsd(priorityRates),
    'an unknown price is the highest',
  );
  assert.equal(await costs({}), nanoUsd(rates));
});

test('G11: a budget sets aside what the service that is asked for may cost', async (t) => {
  const bare = { max_tokens: 100 };
  const prices = {
    [model]: {
      inputPerM: 0,
      outputPerM: 10,
      priority: { inputPerM: 0, outputPerM: 20 },
      flex: { inputPerM: 0, outputPerM: 5 },
    },
  };
  const budgets = [{ per: 'key', usd: 0.0015, window: 'total' }];
  const { ask, costs, tell } = await open(t, { prices, budgets });
  tell('flex');
  assert.equal((await ask({ ...bare, service_tier: 'priority' })).status, 429, '100 tokens at 20 are 0.002');
  assert.equal(await costs({ ...bare, service_tier: 'flex' }), 500_000);
});

test('a row says how it was served, so that anybody can ask what each service came to', async (t) => {
  const prices = { [model]: { inputPerM: 1, outputPerM: 10, flex: { inputPerM: 0.5, outputPerM: 5 } } };
  const { costs, tell, admin } = await open(t, { prices });
  for (const [told, nanoUsd] of [
    ['flex', 1_000_000],
    ['flex', 1_000_000],
    ['default', 2_000_000],
    ['standard', 2_000_000],
    [undefined, 2_000_000],
  ] as const) {
    tell(told);
    assert.equal(await costs({}), nanoUsd);
  }
  type Sum = { by: { serviceTier: string }; exchanges: number; inputTokens: number; costUsd: number };
  await t.waitFor(
    async () => {
      const { sums } = (await admin.ask('usage?by=serviceTier')).body;
      const told = sums.map(({ by, ...sum }: Sum) => [
        by.serviceTier,
        sum.exchanges,
        sum.inputTokens,
        sum.costUsd,
      ]);
      assert.deepEqual(told, [
        ['', 3, 3_000, 0.006],
        ['flex', 2, 2_000, 0.002],
      ]);
    },
    { timeout: 20_000 },
  );
  const { exchanges } = (await admin.ask('exchanges?serviceTier=flex')).body;
  assert.deepEqual(
    exchanges.map(({ serviceTier }: { serviceTier: string }) => serviceTier),
    ['flex', 'flex'],
  );
  const { body: csv } = await admin.ask('usage?by=serviceTier&format=csv');
  assert.match(csv, /^serviceTier,exchanges,.*\r\n,3,.*\r\nflex,2,/);
});
