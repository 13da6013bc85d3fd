/** Tokens of a real identity provider at the front door: signed ones by discovery, opaque ones by introspection. */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { until } from '../faults/rig.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { createHeldClock, type HeldClock } from '../held-clock.ts';
import { openHandMadeIssuer, trusting } from '../identity/hand-made-issuer.ts';
import { openProvider, type RunningProvider, secretOf } from '../identity/identity-provider.ts';

interface Rig {
  readonly provider: RunningProvider;
  readonly gateway: TestGateway;
  readonly clock: HeldClock;
}

const saying = { name: 'corp', clientId: 'gateway', roles: { llm: 'developer' }, cacheMs: 30_000 };

async function openRig(t: TestContext, changes: object = {}): Promise<Rig> {
  const provider = await openProvider();
  t.after(() => provider.close());
  const url = `${provider.url}/token/introspection`;
  const introspection = { ...saying, url, clientSecret: secretOf.gateway, ...changes };
  const clock = createHeldClock(Date.now());
  const gateway = await openTestGateway({ config: { auth: 'both', identity: { introspection } }, clock });
  t.after(() => gateway.close());
  return { provider, gateway, clock };
}

async function ask({ gateway }: Pick<Rig, 'gateway'>, token: string): Promise<Response> {
  const reply = await fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${token}` } });
  await reply.clone().arrayBuffer();
  return reply;
}

const statusOf = async (rig: Pick<Rig, 'gateway'>, token: string) => (await ask(rig, token)).status;

function lastLine({ gateway }: Pick<Rig, 'gateway'>): Record<string, unknown> {
  return JSON.parse(gateway.exchangeLines.at(-1) ?? '{}') as Record<string, unknown>;
}

test('a service with a signed token of the client-credentials grant is let in as itself, by discovery alone', async (t) => {
  const provider = await openProvider();
  t.after(() => provider.close());
  const gateway = await openTestGateway({ config: trusting(provider) });
  t.after(() => gateway.close());
  const token = await provider.token('signed');
  assert.equal(await statusOf({ gateway }, token), 200);
  const { key, tenant, user } = lastLine({ gateway });
  assert.deepEqual({ key, tenant, user: user ?? '' }, { key: 'corp:service', tenant: 'default', user: '' });
});

test('an opaque token is asked about once, believed for a while, and asked about again', async (t) => {
  const rig = await openRig(t);
  const token = await rig.provider.token('opaque');
  for (let times = 0; times < 5; times += 1) assert.equal(await statusOf(rig, token), 200);
  assert.equal(rig.provider.introspected(), 1);
  assert.equal(lastLine(rig)['key'], 'corp:service');
  rig.clock.advance(30_000);
  assert.equal(await statusOf(rig, token), 200);
  assert.equal(rig.provider.introspected(), 2);
});

test('G3: a token that was revoked is refused once its answer is no longer believed', async (t) => {
  const rig = await openRig(t);
  const token = await rig.provider.token('opaque');
  assert.equal(await statusOf(rig, token), 200);
  await rig.provider.revoke(token);
  rig.clock.advance(30_000);
  const reply = await ask(rig, token);
  assert.equal(reply.status, 401);
  assert.equal(reply.headers.get('www-authenticate'), 'Bearer realm="millrace", error="invalid_token"');
});

test('of many that come with one token at once, one asks', async (t) => {
  const rig = await openRig(t);
  const token = await rig.provider.token('opaque');
  const statuses = await Promise.all(Array.from({ length: 30 }, () => statusOf(rig, token)));
  assert.deepEqual(new Set(statuses), new Set([200]));
  assert.equal(rig.provider.introspected(), 1);
});

test('what is no token is asked about once in ten seconds, and a key of ours never', async (t) => {
  const rig = await openRig(t);
  for (let times = 0; times < 5; times += 1) assert.equal(await statusOf(rig, 'no-token-of-anybody'), 401);
  assert.equal(rig.provider.introspected(), 1);
  rig.clock.advance(10_000);
  assert.equal(await statusOf(rig, 'no-token-of-anybody'), 401);
  assert.equal(rig.provider.introspected(), 2);
  assert.equal(await statusOf(rig, 'sk-mr-0000000000000000000000000000000000000000'), 401);
  assert.equal(await statusOf(rig, rig.gateway.key), 200);
  assert.equal(await statusOf(rig, 'x'.repeat(8 * 1024 + 1)), 401);
  assert.equal(rig.provider.introspected(), 2);
});

for (const [what, outage] of [
  ['away', 503],
  ['of the opinion that we are nobody', 401],
] as const) {
  test(`G5: while the issuer is ${what}, tokens that are known pass and others are 503`, async (t) => {
    const rig = await openRig(t);
    const [known, other] = await Promise.all([rig.provider.token('opaque'), rig.provider.token('opaque')]);
    assert.equal(await statusOf(rig, known), 200);
    rig.provider.outage = outage;
    assert.equal(await statusOf(rig, known), 200);
    const reply = await ask(rig, other);
    assert.equal(reply.status, 503);
    assert.match(await reply.text(), /dependency_unavailable/);
    assert.ok(Number(reply.headers.get('retry-after')) >= 1);
    rig.provider.outage = undefined;
    assert.equal(await statusOf(rig, other), 200);
  });
}

test('of a flood of unknown tokens ten are asked about at a time, and what would wait behind too many is 503', async (t) => {
  const issuer = await openHandMadeIssuer();
  t.after(() => issuer.close());
  const held: ServerResponse[] = [];
  issuer.answer = (_request, response) => void held.push(response);
  const introspection = { ...saying, url: `${issuer.url}/introspect`, clientSecret: secretOf.gateway };
  // However long a busy machine takes to connect them all, nobody waits too long meanwhile, and nobody is told in turn.
  const clock = createHeldClock();
  const identity = { introspection, wrongKeys: { holdMs: 0 } };
  const gateway = await openTestGateway({ config: { auth: 'both', identity }, clock });
  t.after(() => gateway.close());
  const counts = new Map<number, number>();
  const all = Array.from({ length: 560 }, async (_, index) => {
    const status = await statusOf({ gateway }, `flood-${index}`);
    counts.set(status, (counts.get(status) ?? 0) + 1);
  });
  await until('those that do not fit are refused', () => counts.get(503) === 50);
  await until('ten are asked about', () => held.length === 10);
  const answer = JSON.stringify({ active: false });
  issuer.answer = (_request, response) => void response.end(answer);
  for (const response of held) response.end(answer);
  await Promise.all(all);
  assert.deepEqual(Object.fromEntries(counts), { 401: 510, 503: 50 });
});

test('who waits behind a server that hangs is told so after five seconds', async (t) => {
  const issuer = await openHandMadeIssuer();
  t.after(() => issuer.close());
  let asked = 0;
  issuer.answer = () => {
    asked += 1;
  };
  const introspection = { ...saying, url: `${issuer.url}/introspect`, clientSecret: secretOf.gateway };
  const clock = createHeldClock();
  const gateway = await openTestGateway({ config: { auth: 'both', identity: { introspection } }, clock });
  t.after(() => gateway.close());
  const first = Array.from({ length: 10 }, (_, index) => statusOf({ gateway }, `first-${index}`));
  await until('ten are asked about', () => asked === 10);
  const { inFlight } = gateway.gateway.listener;
  const second = Array.from({ length: 5 }, (_, index) => statusOf({ gateway }, `second-${index}`));
  await until('the others wait', () => gateway.gateway.listener.inFlight === inFlight + 5);
  clock.advance(5_000);
  assert.deepEqual(new Set(await Promise.all([...first, ...second])), new Set([503]));
});

test('a token whose holder may do nothing here is 403, and not asked about each time', async (t) => {
  const rig = await openRig(t, { roles: { others: 'developer' } });
  const token = await rig.provider.token('opaque');
  for (let times = 0; times < 3; times += 1) assert.equal(await statusOf(rig, token), 403);
  assert.equal(rig.provider.introspected(), 1);
});
