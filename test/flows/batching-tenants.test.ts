/** G10: what is sent together belongs to one tenant, and every vector goes to whoever asked for it. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { Agent, request } from 'undici';
import { openTestGateway } from '../gateway.ts';
import { countOf, openMergingLlm, vectorOf } from '../upstream/merging-llm.ts';

const keys = { red: randomBytes(24).toString('hex'), blue: randomBytes(24).toString('hex') } as const;
type Tenant = keyof typeof keys;
const requests = 5_000;
const atOnce = 40;
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

/** A small generator with a seed (mulberry32), so that a failure can be replayed. */
function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Line {
  readonly tenant: string;
  readonly inputTokens?: number;
  readonly costNanoUsd?: number;
  readonly batchedWith?: number;
}

test(`G10: 5,000 requests of two tenants that say much the same, seed ${seed}`, async (t) => {
  const random = randomFrom(seed);
  const llm = await openMergingLlm(t);
  const gateway = await openTestGateway({
    config: {
      auth: 'keys',
      keys: Object.entries(keys).map(([tenant, key]) => ({ name: tenant, key, tenant, role: 'developer' })),
      upstreams: { one: { type: 'openai', url: `http://127.0.0.1:${llm.port}/v1`, slots: 2 } },
      models: { o: { targets: [{ upstream: 'one', model: 'm' }] } },
      prices: { o: { inputPerM: 1, outputPerM: 1 } },
      budgets: [{ per: 'tenant', name: 'all', usd: 1_000, window: 'month' }],
    },
  });
  t.after(() => gateway.close());
  const agent = new Agent({ connections: atOnce });
  t.after(() => agent.close());
  const ask = async (serial: number) => {
    const tenant: Tenant = random() < 0.5 ? 'red' : 'blue';
    // Of the same few words, which both say: only whose they are differs.
    const texts = Array.from({ length: 1 + Math.floor(random() * 3) }, (_, index) =>
      [
        tenant,
        Math.floor(random() * 50),
        ...'x'.repeat(1 + Math.floor(random() * 4)),
        serial % 7,
        index,
      ].join(' '),
    );
    const { statusCode, body } = await request(`${gateway.url}/v1/embeddings`, {
      method: 'POST',
      dispatcher: agent,
      headers: { authorization: `Bearer ${keys[tenant]}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'o', input: texts }),
    });
    const answer = (await body.json()) as { data: { embedding: number[] }[] };
    assert.equal(statusCode, 200, JSON.stringify(answer));
    assert.deepEqual(
      answer.data.map(({ embedding }) => embedding),
      texts.map(vectorOf),
    );
  };
  let serial = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (serial < requests) {
        serial += 1;
        await ask(serial);
      }
    }),
  );
  const crossed = llm.requests.filter(
    ({ inputs }) => new Set(inputs.map((input) => String(input).split(' ')[0])).size > 1,
  );
  assert.equal(crossed.length, 0);
  assert.ok(llm.requests.length < requests / 2, `${llm.requests.length} calls for ${requests} requests`);

  const lines = gateway.exchangeLines.map((line) => JSON.parse(line) as Line);
  assert.equal(lines.length, requests);
  assert.ok(lines.some(({ batchedWith = 0 }) => batchedWith > 1));
  for (const tenant of ['red', 'blue']) {
    const counted = lines.filter((line) => line.tenant === tenant);
    const told = llm.requests
      .flatMap(({ inputs }) => inputs)
      .filter((input) => String(input).startsWith(tenant))
      .reduce<number>((sum, input) => sum + countOf(input), 0);
    const tokens = counted.reduce((sum, { inputTokens = 0 }) => sum + inputTokens, 0);
    assert.equal(tokens, told, `what ${tenant} is charged with is what the upstream counted`);
    // A dollar a million is a thousand billionths each.
    assert.equal(
      counted.reduce((sum, { costNanoUsd = 0 }) => sum + costNanoUsd, 0),
      told * 1_000,
    );
  }
});
