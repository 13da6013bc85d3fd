// The presets of docs/limits.md, as they stand there.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { systemClock } from '../../src/lib/clock.ts';
import { openTestGateway } from '../gateway.ts';

const text = await readFile(new URL('../../docs/limits.md', import.meta.url), 'utf8');
const presets = [...text.slice(text.indexOf('\n## Presets')).matchAll(/```yaml\n([^`]+)```/g)].map(
  ([, yaml = '']) => parse(yaml) as Record<string, unknown>,
);
const adasKeys = [
  'sk-mr-ada10123456789abcdef0123456789abcdef0123',
  'sk-mr-ada20123456789abcdef0123456789abcdef0123',
] as const;
const otherKey = 'sk-mr-76543210fedcba9876543210fedcba9876543210';

async function open(t: TestContext, preset: Record<string, unknown> | undefined) {
  assert.ok(preset !== undefined);
  let skippedMs = 0;
  const gateway = await openTestGateway({
    clock: {
      ...systemClock,
      now: () => systemClock.now() + skippedMs,
      wall: () => systemClock.wall() + skippedMs,
    },
    config: {
      ...preset,
      keys: [
        { name: 'other', key: otherKey },
        ...adasKeys.map((key, index) => ({ name: `ada-${index}`, key, user: 'ada' })),
      ],
      listen: { trustedProxies: ['127.0.0.1'] },
    },
  });
  t.after(() => gateway.close());
  const chat = async (given: { address?: string; path?: string; key?: string }) => {
    const { address = '192.0.2.1', path = '/api/v1/chat', key = gateway.key } = given;
    const response = await fetch(`${gateway.url}${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        'x-forwarded-for': address,
      },
      body: JSON.stringify({ message: 'hi' }),
    });
    await response.arrayBuffer();
    return response;
  };
  const passed = async (times: number, given: Parameters<typeof chat>[0] = {}) => {
    const codes: number[] = [];
    for (let made = 0; made < times; made += 1) codes.push((await chat(given)).status);
    assert.ok(codes.every((code) => code === 200 || code === 429));
    return codes.filter((code) => code === 200).length;
  };
  const skip = (ms: number) => {
    skippedMs += ms;
  };
  return { chat, passed, skip };
}

test('preset: ten requests a minute from each address on the simple chat', async (t) => {
  const { chat, passed, skip } = await open(t, presets[0]);
  assert.equal(await passed(15), 10);
  const refused = await chat({});
  const retryAfterS = Number(refused.headers.get('retry-after'));
  assert.ok(retryAfterS >= 1 && retryAfterS <= 6, `${retryAfterS}`);
  assert.equal(await passed(1, { path: '/chat' }), 0, 'the other path of the route is no way around');
  assert.equal(await passed(12, { address: '192.0.2.2' }), 10);
  skip(retryAfterS * 1_000);
  assert.equal(await passed(1), 1);
  skip(60_000);
  assert.equal(await passed(15), 10);
});

test('preset: one request a second with a burst of ten, for each user, whichever of their keys they use', async (t) => {
  const { passed, skip } = await open(t, presets[1]);
  const [laptop, phone] = adasKeys;
  const both = (await passed(6, { key: laptop })) + (await passed(7, { key: phone, address: '192.0.2.9' }));
  assert.ok(both >= 10 && both <= 11, `the burst, and what a slow test earns: ${both}`);
  assert.ok((await passed(10, { key: otherKey })) === 10, 'others are not concerned');
  assert.ok((await passed(13)) <= 11, 'a key that is nobody’s has a limit of its own');
  skip(60_000);
  const again = await passed(15, { key: laptop });
  assert.ok(again >= 10 && again <= 12, `${again}`);
});

test('preset: a monthly quota of requests for each user, which begins anew with the month', async (t) => {
  const { budgets } = presets[2] as { budgets: readonly { requests?: number; tokens?: number }[] };
  // As it stands there, only smaller: a thousand times is as good as three.
  const smaller = budgets.map((budget) =>
    budget.requests === undefined ? budget : { ...budget, requests: 3 },
  );
  assert.deepEqual(
    budgets.map(({ requests, tokens }) => requests ?? tokens),
    [1_000, 2_000_000],
  );
  const { chat, passed, skip } = await open(t, { budgets: smaller });
  const [laptop, phone] = adasKeys;
  assert.equal((await passed(2, { key: laptop })) + (await passed(3, { key: phone })), 3);
  const refused = await chat({ key: phone });
  assert.deepEqual([refused.status, refused.headers.get('x-should-retry')], [429, 'false']);
  assert.equal(await passed(5, { key: otherKey }), 5, 'a key that is nobody’s has no user');
  skip(31 * 86_400_000);
  assert.equal(await passed(4, { key: laptop }), 3);
});
