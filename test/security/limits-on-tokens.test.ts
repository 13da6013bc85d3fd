import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openTestGateway, simulator } from '../gateway.ts';

/** A thousand tokens for each key, of which nothing comes back during a test. */
async function open(t: TestContext, more: { limits?: readonly object[]; budgets?: readonly object[] } = {}) {
  const gateway = await openTestGateway({
    config: {
      upstreams: {
        ...simulator.upstreams,
        away: { type: 'openai', url: 'http://127.0.0.1:1/v1', key: 'nobody-listens-here' },
      },
      models: {
        simulator: { targets: [{ upstream: 'sim', model: 'simulator' }] },
        away: { targets: [{ upstream: 'away', model: 'away' }] },
      },
      limits: [{ per: 'key', tokens: '1/hour', burstTokens: 1_000 }, ...(more.limits ?? [])],
      budgets: more.budgets ?? [],
    },
  });
  t.after(() => gateway.close());
  const call = (path: string, fields: object) =>
    fetch(`${gateway.url}${path}`, {
      method: 'POST',
      // Limits do not hold on loopback, unless a proxy there speaks for others.
      headers: {
        authorization: `Bearer ${gateway.key}`,
        'content-type': 'application/json',
        'x-forwarded-for': '192.0.2.1',
      },
      body: JSON.stringify({
        model: 'simulator',
        messages: [{ role: 'user', content: 'hi there' }],
        ...fields,
      }),
    });
  /** How many an answer may have, for the question above: two tokens. */
  const passes = async (max_tokens: number) => {
    const reply = await call('/v1/chat/completions', { max_tokens });
    const { usage } = (await reply.json()) as { usage?: { total_tokens: number } };
    assert.equal(reply.status, usage === undefined ? 429 : 200);
    return usage?.total_tokens;
  };
  return { call, passes };
}

test('tokens: a whole answer counts by what it came to, not by what it might have', async (t) => {
  const { passes } = await open(t);
  const used = await passes(990);
  assert.ok(used !== undefined && used < 900);
  assert.equal(await passes(1_000 - used - 1), undefined, 'a token too many');
  assert.ok((await passes(1_000 - used - 2)) !== undefined);
});

test('tokens: so does a stream', async (t) => {
  const { call, passes } = await open(t);
  const lines = (await (await call('/api/chat', {})).text()).trim().split('\n');
  const last = JSON.parse(lines.at(-1) ?? '') as { prompt_eval_count: number; eval_count: number };
  const used = last.prompt_eval_count + last.eval_count;
  assert.ok(used > 0 && used < 900);
  assert.equal(await passes(1_000 - used - 1), undefined, 'a token too many');
  assert.ok((await passes(1_000 - used - 2)) !== undefined);
});

test('tokens: what reached no upstream costs none', async (t) => {
  const { call, passes } = await open(t);
  for (let tried = 0; tried < 3; tried += 1) {
    const reply = await call('/v1/chat/completions', { model: 'away', max_tokens: 900 });
    await reply.text();
    assert.ok(reply.status >= 500, `${reply.status}`);
  }
  assert.ok((await passes(990)) !== undefined);
});

test('tokens: a refusal names the limit, and when to come back', async (t) => {
  const { call, passes } = await open(t);
  assert.ok((await passes(10)) !== undefined);
  const refused = await call('/v1/chat/completions', { max_tokens: 1_000 });
  assert.equal(refused.status, 429);
  const { error } = (await refused.json()) as { error: { message: string; code: string } };
  assert.match(error.message, /1 tokens per 3600 s for each key/);
  assert.equal(error.code, 'rate_limit_exceeded');
  assert.ok(Number(refused.headers.get('retry-after')) > 3_600);
});

test('what the door took stays taken when tokens refuse, and tokens come back when a budget does', async (t) => {
  const { call, passes } = await open(t, {
    limits: [{ per: 'key', requests: '1/hour', burst: 4 }],
    budgets: [{ per: 'key', tokens: 500, window: 'total' }],
  });
  assert.equal(await passes(1_000), undefined, 'more tokens than there are');
  const refused = await call('/v1/chat/completions', { max_tokens: 990 });
  assert.equal(((await refused.json()) as { error: { code: string } }).error.code, 'insufficient_quota');
  const used = await passes(400);
  assert.ok(used !== undefined, 'the tokens that the budget refused are there again');
  const next = await call('/v1/chat/completions', { max_tokens: 1 });
  assert.equal(next.headers.get('x-ratelimit-remaining-requests'), '0', 'each of the four has come');
  assert.equal(next.status, 200);
  const fifth = await call('/v1/chat/completions', { max_tokens: 1 });
  assert.match(await fifth.text(), /1 per 3600 s for each key/);
});
