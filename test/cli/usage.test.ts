// What was used is told by the verb and by the admin API, in sums and one by one, and outlives the process.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../faults/rig.ts';
import { openPlace, type Place, type RunningProcess, serve } from './gateway-process.ts';
import { runVerb } from './run-verb.ts';

let place: Place;
let gateway: RunningProcess;

const models = ['fast', 'slow', '=odd'];

before(async () => {
  place = await openPlace();
  const targets = 'targets: [ { upstream: engine, model: simulator } ]';
  await place.write(
    'millrace.yaml',
    `upstreams:\n  engine: { type: simulator, tokensPerSecond: 10000, firstTokenMs: 1 }\n` +
      `models:\n${models.map((name) => `  "${name}": { ${targets} }\n`).join('')}`,
  );
  gateway = await serve([], { place });
  for (const model of ['fast', 'fast', 'slow', '=odd']) assert.equal(await chat(model), 200);
  assert.equal(await chat('none-such'), 404);
  await until('the ledger has them', async () => (await sums('by=')).at(0)?.exchanges === 4);
});

after(async () => {
  await gateway.stop();
  await place[Symbol.asyncDispose]();
});

async function chat(model: string): Promise<number> {
  const reply = await fetch(`${gateway.ready.clients}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await gateway.key()}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, max_tokens: 8, messages: [{ role: 'user', content: 'count for me' }] }),
  });
  await reply.arrayBuffer();
  return reply.status;
}

async function ask(path: string): Promise<Response> {
  const headers = { authorization: `Bearer ${await gateway.token()}` };
  return fetch(`${gateway.ready.admin}/admin/api/v1/${path}`, { headers });
}

interface Sum {
  readonly by: Readonly<Record<string, string>>;
  readonly exchanges: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

async function sums(query: string): Promise<readonly Sum[]> {
  return ((await (await ask(`usage?${query}`)).json()) as { sums: readonly Sum[] }).sums;
}

test('sums are grouped and filtered as asked', async () => {
  const byModel = await sums('by=model,outcome');
  assert.deepEqual(
    byModel.map(({ by, exchanges }) => [by['model'], by['outcome'], exchanges]),
    [
      ['=odd', 'complete', 1],
      ['fast', 'complete', 2],
      ['slow', 'complete', 1],
    ],
  );
  assert.ok(byModel.every(({ by, outputTokens }) => (by['outcome'] === 'complete') === outputTokens > 0));
  const [one] = await sums('by=&model=fast');
  assert.equal(one?.exchanges, 2);
  assert.deepEqual(await sums('to=2020-01-31&from=2020-01-01'), []);
});

test('a table, JSON and CSV tell the same', async () => {
  const table = await runVerb(['usage', '--by', 'model'], { place });
  assert.match(table.out, /MODEL +EXCHANGES +INPUT +OUTPUT +USD\n=odd +1/);
  const json = JSON.parse((await runVerb(['usage', 'model=fast', '--json'], { place })).out) as {
    sums: readonly Sum[];
  };
  assert.equal(json.sums[0]?.exchanges, 2);
  const csv = await ask('usage?by=model&format=csv');
  assert.match(csv.headers.get('content-type') ?? '', /^text\/csv/);
  assert.match(await csv.text(), /^model,exchanges,inputTokens.*\r\n'=odd,1,/);
});

test('exchanges are listed page by page, each once', async () => {
  const seen: string[] = [];
  let after = '';
  for (let page = 0; page < 10; page += 1) {
    const answer = (await (await ask(`exchanges?limit=2${after}`)).json()) as {
      exchanges: ReadonlyArray<{ id: string; key: string; code: string }>;
      next?: string;
    };
    seen.push(...answer.exchanges.map(({ id }) => id));
    if (answer.next === undefined) break;
    after = `&after=${encodeURIComponent(answer.next)}`;
  }
  assert.equal(new Set(seen).size, 4);
  assert.equal(seen.length, 4);
  const csv = await (await ask('exchanges?format=csv&model=slow')).text();
  assert.match(csv, /^id,at,tenant,.*\r\n[0-9a-f-]{36},\d{4}-\d\d-\d\dT.*,slow,/);
});

test('a question that cannot be meant is refused by name', async () => {
  for (const query of ['by=colour', 'from=yesterday', 'limit=0', 'colour=red']) {
    const answer = await ask(`usage?${query}`);
    assert.equal(answer.status, 400, query);
    assert.match(await answer.text(), new RegExp(query.split('=')[0] ?? ''));
  }
  const typo = await runVerb(['usage', 'fast'], { place });
  assert.equal(typo.code, 2);
  assert.match(typo.err, /write one as model=NAME/);
});

test('what was used is known after a restart', async () => {
  await gateway.stop();
  gateway = await serve([], { place });
  assert.equal((await sums('by=')).at(0)?.exchanges, 4);
});

test('exchanges are listed one by one, as many as are asked for, under a condition', async () => {
  const failed = await runVerb(['exchanges', 'model=slow'], { place });
  assert.equal(failed.code, 0, failed.err);
  assert.match(failed.out, /^AT +ID +TENANT/m);
  assert.match(failed.out, / slow +engine +complete +\d+ +8 /);
  const first = JSON.parse((await runVerb(['exchanges', '--limit', '1', '--json'], { place })).out);
  assert.equal(first.exchanges.length, 1);
  const next = await runVerb(['exchanges', '--after', first.next, '--json'], { place });
  assert.equal(JSON.parse(next.out).exchanges.length, 3);
});

test('`reload --check` says what a reload would come to, and changes nothing', async () => {
  const checked = await runVerb(['reload', '--check'], { place });
  assert.deepEqual([checked.code, checked.out.startsWith('nothing has changed')], [0, true], checked.err);
});
