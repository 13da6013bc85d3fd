/** What a row of the ledger says of the way that its exchange took, and what sums are told apart by. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { openTestAdmin, type TestAdmin } from '../admin-rig.ts';
import { simulator } from '../gateway.ts';

/** Is there, and fails whatever it is asked. */
async function openFailing(t: TestContext): Promise<string> {
  const server = createServer((request, response) => {
    request.resume();
    const isListing = request.url?.endsWith('/models') === true;
    response.writeHead(isListing ? 200 : 500, { 'content-type': 'application/json' });
    response.end(isListing ? '{"object":"list","data":[{"id":"simulator"}]}' : '{"error":{"message":"no"}}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
}

const target = (upstream: string, tier = 1) => ({ upstream, model: 'simulator', tier });

async function openRig(t: TestContext) {
  const failing = { type: 'openai', url: await openFailing(t) };
  const rig = await openTestAdmin({
    config: {
      upstreams: { ...simulator.upstreams, dead: failing },
      models: {
        plain: { targets: [target('sim')], policy: 'weighted' },
        later: { targets: [target('dead'), target('sim', 2)] },
        gone: { targets: [target('dead')] },
      },
    },
  });
  t.after(rig.close);
  const post = async (model: string, more: object = {}) => {
    const reply = await fetch(`${rig.gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${rig.gateway.key}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }], max_tokens: 2, ...more }),
    });
    await reply.text();
    return reply.headers.get('x-millrace-id') ?? '';
  };
  return { ...rig, post };
}

async function rowsOf(t: TestContext, { ask }: TestAdmin, count: number) {
  const found = new Map<string, Record<string, unknown>>();
  await t.waitFor(
    async () => {
      for (const row of (await ask('exchanges')).body.exchanges) found.set(row.id, row);
      assert.equal(found.size, count);
    },
    { timeout: 20_000 },
  );
  return (id: string) => {
    const { policy, why, tier, code } = found.get(id) ?? {};
    return { policy, why, tier, code };
  };
}

test('a row says who chose its target and why, and sums are told apart by what only rows tell', async (t) => {
  const rig = await openRig(t);
  const { post, ask } = rig;
  const plain = await post('plain');
  const later = await post('later', { stream: true });
  const gone = await post('gone');
  await post('plain');
  const factsOf = await rowsOf(t, rig, 4);
  const usual = { tier: 0, code: '' };
  assert.deepEqual(factsOf(plain), { ...usual, policy: 'weighted', why: 'only' });
  assert.deepEqual(factsOf(later), { ...usual, policy: 'auto', why: 'retry', tier: 2 });
  assert.deepEqual(factsOf(gone), { ...usual, policy: 'auto', why: 'only', code: 'upstream_failed' });
  const sums = async (query: string) =>
    (await ask(`usage?${query}`)).body.sums.map((sum: { by: Record<string, string>; exchanges: number }) => [
      ...Object.values(sum.by),
      sum.exchanges,
    ]);
  assert.deepEqual(await sums('by=code,stream'), [
    ['', 'false', 2],
    ['', 'true', 1],
    ['upstream_failed', 'false', 1],
  ]);
  assert.deepEqual(await sums('by=targetModel&upstream=sim'), [['simulator', 3]]);
  assert.deepEqual(await sums('by=model&stream=true'), [['later', 1]]);
  assert.deepEqual(await sums('by=policy,why,tier,status'), [
    ['auto', 'only', '0', '502', 1],
    ['auto', 'retry', '2', '200', 1],
    ['weighted', 'only', '0', '200', 2],
  ]);
  assert.deepEqual(await sums('by=carriedOn,batchedWith,sharedFrom,sharedWith&status=200&tier=0'), [
    ['0', '0', '', '0', 2],
  ]);
  const { body: again } = await ask('exchanges?why=retry');
  assert.deepEqual(
    again.exchanges.map(({ id }: { id: string }) => id),
    [later],
  );
  assert.equal((await ask('exchanges?tier=first')).status, 400);
  const { body: csv } = await ask('usage?by=targetModel,code&format=csv');
  assert.match(csv, /^targetModel,code,exchanges,/);
  const { body: lines } = await ask('exchanges?code=upstream_failed&format=csv');
  assert.match(lines, /,policy,why,tier,carriedOn,batchedWith,sharedFrom,sharedWith,serviceTier\r\n/);
  assert.equal(lines.trim().split('\r\n').length, 2);
  assert.equal((await ask('usage?by=colour')).status, 400);
});
