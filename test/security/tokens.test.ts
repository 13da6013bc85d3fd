/** Signed tokens of others at the front door: every way to forge one, and an issuer that is away (G3, G4, G5). */
import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { exportSPKI, importJWK, SignJWT } from 'jose';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { createHeldClock } from '../held-clock.ts';
import {
  audience,
  cutOff,
  type HandMadeIssuer,
  openHandMadeIssuer,
  trusting,
} from '../identity/hand-made-issuer.ts';

interface Rig {
  readonly issuer: HandMadeIssuer;
  readonly gateway: TestGateway;
  readonly clock: ReturnType<typeof createHeldClock>;
}

async function openRig(t: TestContext, changes: object = {}): Promise<Rig> {
  const clock = createHeldClock();
  const issuer = await openHandMadeIssuer({ wallMs: () => clock.wall() });
  t.after(() => issuer.close());
  const gateway = await openTestGateway({ config: trusting(issuer, changes), clock });
  t.after(() => gateway.close());
  return { issuer, gateway, clock };
}

async function ask({ gateway }: Rig, token: string): Promise<Response> {
  const reply = await fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${token}` } });
  await reply.clone().arrayBuffer();
  return reply;
}

const statusOf = async (rig: Rig, token: string) => (await ask(rig, token)).status;

test('a signed token opens the door as its holder, and the log, the ledger and limits know who it was', async (t) => {
  const rig = await openRig(t, { claims: { tenant: 'org', team: 'group' } });
  const token = await rig.issuer.sign({ org: 'acme', group: 'red' });
  assert.equal(await statusOf(rig, token), 200);
  const line = rig.gateway.exchangeLines.at(-1) ?? '';
  const { key, tenant, team, user } = JSON.parse(line) as Record<string, unknown>;
  assert.deepEqual(
    { key, tenant, team, user },
    { key: 'corp:alice', tenant: 'acme', team: 'red', user: 'alice' },
  );
  assert.doesNotMatch(rig.gateway.lines.join('\n'), new RegExp(token.slice(-40)));
});

test('a claim leads to the tenant that runs the gateway by a row of `tenants` alone: others may choose their names', async (t) => {
  const rig = await openRig(t, { claims: { tenant: 'org' } });
  const token = await rig.issuer.sign({ org: 'default' });
  assert.equal(await statusOf(rig, token), 403);
  await rig.gateway.reload(
    trusting(rig.issuer, { claims: { tenant: 'org' }, tenants: { default: 'default' } }),
  );
  assert.equal(await statusOf(rig, token), 200);
});

test('keys open the door beside tokens with `both`, and no longer with `jwt`', async (t) => {
  const rig = await openRig(t);
  assert.equal(await statusOf(rig, rig.gateway.key), 200);
  await rig.gateway.reload({ ...trusting(rig.issuer), auth: 'jwt' });
  assert.equal(await statusOf(rig, rig.gateway.key), 401);
  assert.equal(await statusOf(rig, await rig.issuer.sign()), 200);
});

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** G4's list: each of these is refused as the caller's own fault. */
const forgeries: Readonly<
  Record<string, (issuer: HandMadeIssuer, nowS: number) => Promise<string> | string>
> = {
  'alg none': async ({ sign }) => {
    const [, payload] = (await sign()).split('.');
    return `${encoded({ alg: 'none', typ: 'JWT' })}.${payload}.`;
  },
  'alg none in odd letters': async ({ sign }) => {
    const [, payload] = (await sign()).split('.');
    return `${encoded({ alg: 'nOnE' })}.${payload}.`;
  },
  'HS256 with the public key as its secret': async ({ sign, jwk }) => {
    const pem = await exportSPKI((await importJWK(jwk, 'RS256', { extractable: true })) as never);
    const [, payload] = (await sign()).split('.');
    const signed = `${encoded({ alg: 'HS256', kid: 'one' })}.${payload}`;
    return `${signed}.${createHmac('sha256', pem).update(signed).digest('base64url')}`;
  },
  'a signature of somebody else': async ({ url }, nowS) => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    return await new SignJWT({ iss: url, aud: audience, sub: 'alice', roles: ['llm'], exp: nowS + 60 })
      .setProtectedHeader({ alg: 'RS256', kid: 'one' })
      .sign(privateKey);
  },
  'the key in its own head (jwk)': async ({ url }, nowS) => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    return await new SignJWT({ iss: url, aud: audience, sub: 'alice', roles: ['llm'], exp: nowS + 60 })
      .setProtectedHeader({ alg: 'RS256', jwk: publicKey.export({ format: 'jwk' }) as never })
      .sign(privateKey);
  },
  'a kid that is a path': ({ sign }) => sign({}, { kid: '../../../../dev/null' }),
  'a kid that is SQL': ({ sign }) => sign({}, { kid: "x' UNION SELECT 'key" }),
  'a kid that is an address': ({ sign }) => sign({}, { kid: 'http://127.0.0.1:1/key' }),
  'a kid that is no text': ({ sign }) => sign({}, { kid: { one: 1 } }),
  'a critical field that nobody knows': async ({ sign }) => {
    const [, payload, signature] = (await sign()).split('.');
    return `${encoded({ alg: 'RS256', kid: 'one', crit: ['x'], x: 1 })}.${payload}.${signature}`;
  },
  'a changed payload': async ({ sign }) => {
    const [head, payload = '', signature] = (await sign()).split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
    return `${head}.${encoded({ ...claims, sub: 'root' })}.${signature}`;
  },
  'a token that ended, past the tolerance': ({ sign }, nowS) => sign({ exp: nowS - 31 }),
  'a token without an end': ({ sign }) => sign({ exp: undefined as never }),
  'a token that begins later': ({ sign }, nowS) => sign({ nbf: nowS + 60 }),
  'a token for somebody else': ({ sign }) => sign({ aud: 'another' }),
  'a token for nobody': ({ sign }) => sign({ aud: undefined as never }),
  'another issuer': ({ sign }) => sign({ iss: 'https://evil.example' }),
  'no issuer': ({ sign }) => sign({ iss: undefined as never }),
  'a token of another kind': ({ sign }) => sign({}, { typ: 'logout+jwt' }),
  'a token of more than 8 KiB': ({ sign }) => sign({ padding: 'x'.repeat(8 * 1024) }),
  'three parts that say nothing': () => 'eyJ.eyJ.eyJ',
};

for (const [what, forge] of Object.entries(forgeries)) {
  test(`G4: ${what} is refused with 401, and says that it is the token`, async (t) => {
    const rig = await openRig(t);
    const { issuer, clock } = rig;
    assert.equal(await statusOf(rig, await issuer.sign()), 200);
    const reply = await ask(rig, await forge(issuer, Math.floor(clock.wall() / 1000)));
    assert.equal(reply.status, 401);
    assert.equal(reply.headers.get('www-authenticate'), 'Bearer realm="millrace", error="invalid_token"');
    assert.equal(issuer.asked.keys, 1);
  });
}

for (const head of ['jku', 'x5u']) {
  test(`G4: nobody goes where a token's ${head} points`, async (t) => {
    const rig = await openRig(t);
    const elsewhere = await openHandMadeIssuer();
    t.after(() => elsewhere.close());
    const nowS = Math.floor(rig.clock.wall() / 1000);
    const claims = { iss: rig.issuer.url, aud: audience, sub: 'alice', roles: ['llm'], exp: nowS + 60 };
    const forged = await elsewhere.sign(claims, { [head]: `${elsewhere.url}/jwks` });
    assert.equal(await statusOf(rig, forged), 401);
    assert.equal(elsewhere.asked.all, 0);
  });
}

test('G4: a key without `alg` in the set makes no other algorithm right', async (t) => {
  const rig = await openRig(t);
  const { alg: _, ...jwk } = rig.issuer.jwk;
  rig.issuer.keys = [jwk];
  const hmac = await forgeries['HS256 with the public key as its secret']?.(rig.issuer, 0);
  assert.equal(await statusOf(rig, hmac ?? ''), 401);
  assert.equal(await statusOf(rig, await rig.issuer.sign()), 200);
});

test('G4: what is signed rightly, in a way that is not allowed for its issuer, is refused', async (t) => {
  const rig = await openRig(t, { algorithms: ['ES256'] });
  const reply = await ask(rig, await rig.issuer.sign());
  assert.equal(reply.status, 401);
  assert.match(await reply.text(), /signed in a way that is not allowed/);
});

test('G4: a symmetric key in the set is no key', async (t) => {
  const rig = await openRig(t);
  const secret = Buffer.alloc(32, 7);
  rig.issuer.keys = [{ kty: 'oct', k: secret.toString('base64url'), kid: 'one', alg: 'HS256' }];
  const [, payload] = (await rig.issuer.sign()).split('.');
  const signed = `${encoded({ alg: 'HS256', kid: 'one' })}.${payload}`;
  const forged = `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
  assert.equal(await statusOf(rig, forged), 401);
});

test('G3: two tokens that begin alike are two people', async (t) => {
  const rig = await openRig(t);
  const padding = 'x'.repeat(300);
  const [first, second] = await Promise.all(
    ['alice', 'bob'].map((sub) => rig.issuer.sign({ aaa: padding, sub } as never)),
  );
  assert.ok(first !== undefined && second !== undefined);
  for (const token of [first, second, first, second]) assert.equal(await statusOf(rig, token), 200);
  const users = rig.gateway.exchangeLines.map((line) => (JSON.parse(line) as { user?: string }).user);
  assert.deepEqual(users, ['alice', 'bob', 'alice', 'bob']);
});

test('a token ends when it says so, however often it was used before', async (t) => {
  const rig = await openRig(t, { clockToleranceMs: 0 });
  const token = await rig.issuer.sign({ exp: Math.floor(rig.clock.wall() / 1000) + 5 });
  assert.equal(await statusOf(rig, token), 200);
  rig.clock.advance(4_999);
  assert.equal(await statusOf(rig, token), 200);
  rig.clock.advance(1);
  const reply = await ask(rig, token);
  assert.equal(reply.status, 401);
  assert.match(await reply.text(), /has expired/);
});

test('G4, G5: an issuer that is away for an hour locks nobody out, and after a day it is our outage', async (t) => {
  const rig = await openRig(t);
  assert.equal(await statusOf(rig, await rig.issuer.sign()), 200);
  rig.issuer.answer = cutOff;
  rig.clock.advance(3_600_000);
  assert.equal(await statusOf(rig, await rig.issuer.sign()), 200);
  rig.clock.advance(82_800_000);
  const reply = await ask(rig, await rig.issuer.sign());
  assert.equal(reply.status, 503);
  assert.match(await reply.text(), /dependency_unavailable/);
  assert.ok(Number(reply.headers.get('retry-after')) >= 1);
});

test('G5: an issuer that is down at the start is 503, never 401, and is found again without a restart', async (t) => {
  const clock = createHeldClock();
  const issuer = await openHandMadeIssuer({ wallMs: () => clock.wall() });
  t.after(() => issuer.close());
  issuer.answer = cutOff;
  const gateway = await openTestGateway({ config: trusting(issuer), clock });
  t.after(() => gateway.close());
  const rig = { issuer, gateway, clock };
  const token = await issuer.sign();
  for (let times = 0; times < 3; times += 1) assert.equal(await statusOf(rig, token), 503);
  issuer.answer = undefined;
  clock.advance(30_000);
  assert.equal(await statusOf(rig, token), 200);
  const told = gateway.lines.filter((line) => line.includes('the keys of an issuer'));
  assert.equal(told.length, 2, told.join('\n'));
});

test('G5: a key that an issuer which is away may have made since is 503', async (t) => {
  const rig = await openRig(t);
  assert.equal(await statusOf(rig, await rig.issuer.sign()), 200);
  rig.issuer.answer = cutOff;
  rig.clock.advance(30_000);
  assert.equal(await statusOf(rig, await rig.issuer.sign({}, { kid: 'two' })), 503);
});

test('G4: an issuer that changes its key is believed with the new one', async (t) => {
  const rig = await openRig(t);
  assert.equal(await statusOf(rig, await rig.issuer.sign()), 200);
  rig.issuer.keys = [{ ...rig.issuer.jwk, kid: 'two' }];
  rig.clock.advance(30_000);
  assert.equal(await statusOf(rig, await rig.issuer.sign({}, { kid: 'two' })), 200);
});

test('G4: hundreds of unknown keys fetch the set once in 30 s', async (t) => {
  const rig = await openRig(t);
  assert.equal(await statusOf(rig, await rig.issuer.sign()), 200);
  for (let round = 0; round < 3; round += 1) {
    rig.clock.advance(30_000);
    const tokens = await Promise.all(
      Array.from({ length: 100 }, (_, index) => rig.issuer.sign({}, { kid: `kid-${round}-${index}` })),
    );
    const statuses = await Promise.all(tokens.map((token) => statusOf(rig, token)));
    assert.deepEqual(new Set(statuses), new Set([401]));
  }
  assert.equal(rig.issuer.asked.keys, 4);
});

test('G4: a set of 50 MB is not read to its end, and the keys before stay', async (t) => {
  const rig = await openRig(t);
  assert.equal(await statusOf(rig, await rig.issuer.sign()), 200);
  let sent = 0;
  const chunk = Buffer.alloc(256 * 1024, ' ');
  rig.issuer.answer = (request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const more = () => {
      if (sent >= 50 * 1024 * 1024 || request.socket.destroyed) return void response.end();
      sent += chunk.length;
      response.write(chunk, more);
    };
    more();
  };
  rig.clock.advance(30_000);
  assert.equal(await statusOf(rig, await rig.issuer.sign({}, { kid: 'two' })), 503);
  assert.equal(await statusOf(rig, await rig.issuer.sign()), 200);
  assert.ok(sent < 25 * 1024 * 1024, `${sent} bytes were read`);
});

test('an issuer whose discovery says another name is not believed', async (t) => {
  const clock = createHeldClock();
  const issuer = await openHandMadeIssuer({ wallMs: () => clock.wall() });
  t.after(() => issuer.close());
  const answer = JSON.stringify({ issuer: 'https://evil.example', jwks_uri: `${issuer.url}/jwks` });
  issuer.answer = (_request, response) => void response.end(answer);
  const gateway = await openTestGateway({ config: trusting(issuer), clock });
  t.after(() => gateway.close());
  assert.equal(await statusOf({ issuer, gateway, clock }, await issuer.sign()), 503);
  assert.equal(issuer.asked.keys, 0);
});

test('roles, tenants and programs: who is not known clearly is refused, and told why', async (t) => {
  const rig = await openRig(t, {
    claims: { tenant: 'org', roles: 'realm_access.roles' },
    tenants: { 'org-1': 'acme' },
    roles: { llm: 'developer', ops: 'operator' },
  });
  const sayOf = async (claims: object) => {
    const reply = await ask(rig, await rig.issuer.sign(claims as never));
    return `${reply.status} ${((await reply.json()) as { error?: { message: string } }).error?.message ?? ''}`;
  };
  const right = { org: 'org-1', realm_access: { roles: ['x', 'llm'] } };
  assert.match(await sayOf(right), /^200/);
  assert.match(await sayOf({ ...right, org: 'org-2' }), /^403 the tenant .* is not known here/);
  assert.match(await sayOf({ ...right, org: '__proto__' }), /^403 the tenant/);
  assert.match(
    await sayOf({ ...right, org: undefined }),
    /^403 the token's claim "org" must name the tenant/,
  );
  assert.match(
    await sayOf({ org: 'org-1' }),
    /^403 nothing in the token's claim "realm_access.roles" is a role/,
  );
  assert.match(await sayOf({ ...right, sub: undefined }), /^403 the token's claim "sub" must name the user/);
  assert.match(await sayOf({ ...right, cnf: { jkt: 'of-a-key' } }), /^403 the token is bound to a key/);
  assert.match(await sayOf({ ...right, sub: 'service', client_id: 'service' }), /^200/);
  const { key, user } = JSON.parse(rig.gateway.exchangeLines.at(-1) ?? '') as Record<string, unknown>;
  assert.deepEqual({ key, user: user ?? '' }, { key: 'corp:service', user: '' });
});

test('a reload keeps the keys of an issuer, and patience with it', async (t) => {
  const rig = await openRig(t);
  assert.equal(await statusOf(rig, await rig.issuer.sign()), 200);
  rig.issuer.answer = cutOff;
  await rig.gateway.reload(trusting(rig.issuer, { roles: { llm: 'viewer' } }));
  assert.equal(await statusOf(rig, await rig.issuer.sign()), 403);
  assert.equal(rig.issuer.asked.keys, 1);
});

test('whoever is switched off here is refused at once, whatever their issuer says, and so is their tenant', async (t) => {
  const rig = await openRig(t, { claims: { tenant: 'org' } });
  const { directory } = rig.gateway.gateway.lasting.followed;
  const token = await rig.issuer.sign({ org: 'acme' });
  assert.equal(await statusOf(rig, token), 200);
  const tenant = { kind: 'tenant', tenant: 'acme', name: '', active: true, keepContentDays: 0 } as const;
  await directory.put(tenant);
  const alice = {
    kind: 'user',
    tenant: 'acme',
    name: 'alice',
    team: '',
    role: 'developer',
    service: false,
  } as const;
  await directory.put({ ...alice, active: true });
  assert.equal(await statusOf(rig, token), 200);
  await directory.put({ ...alice, active: false });
  const reply = await ask(rig, token);
  assert.equal(reply.status, 403);
  assert.match(await reply.text(), /user \\"alice\\" is switched off here/);
  assert.equal(await statusOf(rig, await rig.issuer.sign({ org: 'acme', sub: 'bob' })), 200);
  await directory.put({ ...tenant, active: false });
  assert.equal(await statusOf(rig, await rig.issuer.sign({ org: 'acme', sub: 'bob' })), 403);
});

test('G1: a program with tokens of its own is switched off by its service account, and by no person of its name', async (t) => {
  const rig = await openRig(t, { claims: { tenant: 'org' } });
  const { directory } = rig.gateway.gateway.lasting.followed;
  const tokenOf = (client: string) => rig.issuer.sign({ org: 'acme', sub: client, client_id: client });
  const [batch, other] = [await tokenOf('Batch'), await tokenOf('other')];
  await directory.put({ kind: 'tenant', tenant: 'acme', name: '', active: true, keepContentDays: 0 });
  const entry = { kind: 'user', tenant: 'acme', team: '', role: 'developer' } as const;
  await directory.put({ ...entry, name: 'Batch', service: true, active: true });
  await directory.put({ ...entry, name: 'other', service: false, active: false });
  assert.deepEqual([await statusOf(rig, batch), await statusOf(rig, other)], [200, 200]);
  await directory.put({ ...entry, name: 'Batch', service: true, active: false });
  const reply = await ask(rig, batch);
  assert.equal(reply.status, 403);
  assert.match(await reply.text(), /service account \\"Batch\\" is switched off here/);
  await directory.put({ ...entry, name: 'Batch', service: true, active: true });
  assert.equal(await statusOf(rig, batch), 200);
});

test('G1: who may not read the metrics learns from no token that there are any', async (t) => {
  const rig = await openRig(t);
  const wrong = await forgeries['a token for somebody else']?.(rig.issuer, 0);
  const ways = [
    { authorization: `Bearer ${wrong}` },
    { authorization: 'Bearer eyJ.eyJ.eyJ' },
    { authorization: 'Bearer one', 'x-api-key': 'two' },
    {},
  ];
  for (const way of ways) {
    const headers = { 'x-forwarded-for': '203.0.113.7', ...(way as Record<string, string>) };
    const reply = await fetch(`${rig.gateway.url}/metrics`, { headers });
    assert.equal(reply.status, 404);
  }
});
