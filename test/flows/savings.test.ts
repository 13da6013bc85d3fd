/** What was saved and what servers truly cost, from the front door to the reports. The worked example of docs/savings.md. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { keyOf, openTestAdmin, roleKeys, type TestAdmin } from '../admin-rig.ts';
import { openPlace } from '../cli/gateway-process.ts';
import { runVerb } from '../cli/run-verb.ts';
import { createHeldClock, type HeldClock } from '../held-clock.ts';
import { runSecret } from '../run-canary.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { openCloud } from '../upstream/named-cloud.ts';

const doc = readFileSync(new URL('../../docs/savings.md', import.meta.url), 'utf8');
const [, yaml = ''] = /```yaml\n(.*?)```/s.exec(doc) ?? [];
const example = parse(yaml) as Readonly<Record<'models' | 'prices', Readonly<Record<string, unknown>>>>;
const dayMs = 86_400_000;
const beginMs = Date.UTC(2026, 10, 1);

let server: PostgresServer;
before(async () => {
  server = await openPostgresServer();
});
after(() => server.stop());

/** The numbers of a row of the page's tables. */
function told(label: string): readonly number[] {
  const row = doc.split('\n').find((line) => line.startsWith(`| ${label} |`));
  assert.ok(row !== undefined, label);
  return row.split('|').slice(2, -1).map(Number);
}

interface Opened {
  readonly admin: TestAdmin;
  readonly clock: HeldClock;
}

async function openExample(t: TestContext, store: string, more = {}): Promise<Opened> {
  const usage = { prompt_tokens: 1_000, completion_tokens: 1_000 };
  const billed = await openCloud(t, usage);
  const own = await openFakeLlm({ models: ['gemma'], usage: { prompt: 1_000, completion: 1_000 } });
  t.after(() => own.close());
  const clock = createHeldClock(beginMs);
  const admin = await openTestAdmin({
    clock,
    config: {
      store,
      dns: billed.dns,
      upstreams: {
        gpu: { type: 'openai', url: `${own.url}/v1` },
        cloud: { type: 'openai', url: billed.namedUrl, key: runSecret('provider') },
      },
      keys: [...roleKeys('default'), ...roleKeys('acme')],
      ...example,
      ...more,
    },
  });
  t.after(() => admin.close());
  return { admin, clock };
}

async function ask({ admin }: Opened, model: string, key = admin.gateway.key): Promise<void> {
  const answer = await fetch(`${admin.gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }] }),
  });
  assert.equal(answer.status, 200, await answer.text());
}

/** Once the ledger has so many, it is the end of the first day. */
async function endOfDay(t: TestContext, { admin, clock }: Opened, exchanges: number): Promise<void> {
  await t.waitFor(
    async () => {
      clock.advance(1_000);
      const { body } = await admin.ask('usage?by=');
      assert.equal(body.sums[0].exchanges, exchanges);
    },
    { timeout: 20_000 },
  );
  clock.sleep(beginMs + dayMs - clock.wall());
}

for (const [driver, storeOf] of [
  ['sqlite', async () => 'sqlite'],
  ['postgres', () => server.createDatabase()],
] as const) {
  test(`${driver}: the worked example comes out as it is written, to the billionth`, async (t) => {
    const opened = await openExample(t, await storeOf());
    for (const model of ['assistant', 'assistant', 'helper', 'assistant', 'helper', 'assistant']) {
      await ask(opened, model);
    }
    await endOfDay(t, opened, 6);
    const { admin } = opened;

    const { body: savings } = await admin.ask('savings?from=2026-11-01&to=2026-11-01&by=model');
    const figures = (row: Record<string, number>) => [
      row['costUsd'],
      row['routingUsd'],
      row['selfHostingUsd'],
    ];
    assert.equal(savings.premium, 'big');
    assert.deepEqual(
      savings.savings.map((row: { by: { model: string } } & Record<string, number>) => [
        row.by.model,
        ...figures(row as never),
      ]),
      [
        ['assistant', ...told('`assistant`')],
        ['helper', ...told('`helper`')],
      ],
    );
    assert.deepEqual(figures(savings.total), told('all'));
    assert.equal(savings.total.savedUsd, 0.1616);
    for (const [saver, column] of [
      ['routing', 'routingUsd'],
      ['self-hosting', 'selfHostingUsd'],
    ] as const) {
      const { body: usage } = await admin.ask(`usage?from=2026-11-01&by=savedBy&savedBy=${saver}`);
      assert.deepEqual(
        usage.sums.map((sum: { savedUsd: number }) => sum.savedUsd),
        [savings.total[column]],
        saver,
      );
      const { body: page } = await admin.ask(`exchanges?from=2026-11-01&savedBy=${saver}`);
      assert.equal(page.exchanges.length, usage.sums[0].exchanges);
    }
    assert.equal((await admin.ask('usage?savedBy=luck')).status, 400);

    const { body: costs } = await admin.ask('costs?from=2026-11-01&to=2026-11-01');
    const [gpu] = costs.servers;
    assert.deepEqual([gpu.costUsd], told('the time of `gpu`, USD'));
    assert.deepEqual([gpu.idleUsd], told('of that, while it waited, USD'));
    assert.deepEqual([gpu.pricedUsd], told('what its exchanges were priced at, USD'));
    assert.deepEqual([costs.metered[0].costUsd], told('`cloud`, USD'));
    assert.deepEqual([costs.total.costUsd], told('everything, USD'));
    assert.deepEqual(
      [costs.returns.cloudUsd],
      told('what `big` would have charged for the work of `gpu`, USD'),
    );
    assert.deepEqual([costs.returns.netUsd], told('net, USD'));
    assert.deepEqual([Number(gpu.returns.breakEvenUtilisation.toFixed(9))], told('break-even utilisation'));
    assert.deepEqual([Number(gpu.returns.breakEvenDays.toFixed(6))], told('break-even days'));
    assert.equal(costs.total.usdPerExchange, costs.total.costUsd / 6);
    assert.equal(gpu.utilisation, 42 / 86_400);
    assert.deepEqual(
      costs.days.map(({ day, upstream, costUsd }: Record<string, unknown>) => [day, upstream, costUsd]),
      [
        ['2026-11-01', 'cloud', 0.01],
        ['2026-11-01', 'gpu', 8.64],
      ],
    );

    const { body: csv } = await admin.ask('costs?from=2026-11-01&to=2026-11-01&format=csv');
    assert.match(
      csv,
      /^day,upstream,exchanges,.*\r\n2026-11-01,cloud,2,2000,2000,0\.01,,,\r\n2026-11-01,gpu,4,/,
    );
    const { body: savingsCsv } = await admin.ask('savings?by=model&format=csv');
    assert.match(savingsCsv, /^model,exchanges,costUsd,.*\r\nassistant,4,0\.0084,0,0,0\.1116,0\.1116\r\n/);
  });
}

test('the command line tells the example as the page shows it', async (t) => {
  const opened = await openExample(t, 'sqlite');
  for (const model of ['assistant', 'assistant', 'helper', 'assistant', 'helper', 'assistant']) {
    await ask(opened, model);
  }
  await endOfDay(t, opened, 6);
  const place = await openPlace();
  t.after(() => place[Symbol.asyncDispose]());
  const { url, token } = opened.admin;
  const say = async (...words: string[]) => {
    const days = ['--from', '2026-11-01', '--to', '2026-11-01'];
    const ended = await runVerb([...words, ...days, '--admin', url, '--token', token], { place });
    assert.equal(ended.code, 0, ended.err);
    return ended.out;
  };
  const shown = [...doc.matchAll(/```text\n(.*?)```/gs)].map(([, text]) => text);
  assert.deepEqual([await say('savings'), await say('costs')], shown);
  const json = JSON.parse(await say('costs', '--against', 'helper', '--json'));
  assert.deepEqual(json.returns, {
    against: 'helper',
    cloudUsd: 0.02,
    serverUsd: 8.64,
    netUsd: -8.62,
    ratio: 0.02 / 8.64,
  });
  assert.equal(JSON.parse(await say('savings', 'model=helper', '--json')).total.savedUsd, 0.05);
});

test('a week later the server is told to be idle and dear, and billed work beside it is told of', async (t) => {
  const models = {
    both: {
      targets: [
        { upstream: 'gpu', model: 'gemma' },
        { upstream: 'cloud', model: 'small', tier: 2 },
      ],
    },
    helper: example.models['helper'],
  };
  const opened = await openExample(t, 'sqlite', { models });
  await ask(opened, 'both');
  await ask(opened, 'helper');
  await endOfDay(t, opened, 2);
  opened.clock.sleep(7 * dayMs);
  const { body } = await opened.admin.ask('costs?from=2026-11-01');
  assert.equal(body.until, '2026-11-09T00:00:00.000Z');
  const texts = new Map(
    body.advice.map((advice: { kind: string; text: string }) => [advice.kind, advice.text]),
  );
  assert.deepEqual(
    [...texts.keys()],
    ['server-idle', 'server-dearer-than-others', 'server-priced-wrong', 'billed-while-idle'],
  );
  assert.match(
    String(texts.get('server-dearer-than-others')),
    /cost 69\.12 USD; at cloud\/small .* 0\.01 USD/,
  );
  assert.match(
    String(texts.get('billed-while-idle')),
    /^cloud\/small served 1 exchanges for 0\.01 USD in 1 hours in which gpu/,
  );
});

test('servers are compared with any model that has a price, and with none that has not', async (t) => {
  const opened = await openExample(t, 'sqlite');
  await ask(opened, 'assistant');
  await endOfDay(t, opened, 1);
  const against = async (model: string) => await opened.admin.ask(`costs?against=${model}`);
  assert.deepEqual(
    await against('helper').then(({ body }) => [body.returns.against, body.returns.cloudUsd]),
    ['helper', 0.005],
  );
  assert.equal((await against('gpt-4o-mini')).body.returns.against, 'gpt-4o-mini');
  const unknown = await against('nobody');
  assert.equal(unknown.status, 400);
  assert.match(unknown.body.detail, /nobody knows a price of "nobody"/);
  assert.equal((await opened.admin.ask('costs?from=2020-01-01')).status, 400);
});

test('without a premium model nothing is saved, and a server without a price is told of', async (t) => {
  const opened = await openExample(t, 'sqlite', { prices: {} });
  await ask(opened, 'assistant');
  await endOfDay(t, opened, 1);
  const { body: savings } = await opened.admin.ask('savings');
  assert.deepEqual([savings.premium, savings.total.savedUsd], [undefined, 0]);
  const { body: costs } = await opened.admin.ask('costs');
  assert.deepEqual([costs.returns, costs.servers], [undefined, []]);
  assert.deepEqual(
    costs.advice.map(({ kind, about }: Record<string, unknown>) => [kind, about]),
    [['server-unpriced', ['gpu']]],
  );
});

test('billing reads both; another tenant reads its own savings, and nothing of what servers cost', async (t) => {
  const opened = await openExample(t, 'sqlite');
  await ask(opened, 'assistant', keyOf('acme', 'developer'));
  await ask(opened, 'helper');
  await endOfDay(t, opened, 2);
  const { admin } = opened;
  const as = (tenant: string, role: 'billing' | 'developer') => ({ as: keyOf(tenant, role) });
  const days = 'from=2026-11-01';
  assert.equal((await admin.ask(`costs?${days}`, as('default', 'billing'))).status, 200);
  assert.equal((await admin.ask(`costs?${days}`, as('acme', 'billing'))).status, 403);
  assert.equal((await admin.ask(`savings?${days}`, as('acme', 'developer'))).status, 403);
  const saved = async (tenant: string, query = '') =>
    (await admin.ask(`savings?${days}${query}`, as(tenant, 'billing'))).body.total.savedUsd;
  assert.equal(await saved('acme'), 0.0279);
  assert.equal(await saved('default'), 0.0529);
  assert.equal(await saved('default', '&tenant=default'), 0.025);
  assert.equal((await admin.ask(`savings?${days}&tenant=default`, as('acme', 'billing'))).status, 404);
});
