/**
 * What it costs to know who is calling: `node bench/tokens.ts [times]`. A key of the configuration, a signed token that
 * was verified before, and one that was not. Each text is made anew, as the parser of HTTP makes it.
 */
import { generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { createCredentials } from '../src/identity/credentials.ts';
import { IssuerKeys } from '../src/identity/issuer-keys.ts';
import { KeyIndex } from '../src/identity/key-index.ts';
import { jwtOptions } from '../src/identity/token-options.ts';
import { TokenVerifier } from '../src/identity/token-verifier.ts';
import { systemClock as clock } from '../src/lib/clock.ts';
import { createMemoryKeyStore } from '../src/stores/memory/key-store.ts';

const times = Number(process.argv[2] ?? 1_000_000);
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'RS256', use: 'sig' };
const [config] = jwtOptions.parse({
  issuers: [
    {
      name: 'corp',
      issuer: 'https://id.example',
      jwksUrl: 'https://id.example/jwks',
      audience: 'llm',
      defaultRole: 'developer',
    },
  ],
}).issuers;
if (config === undefined) throw new Error('one issuer was named');
const keys = new IssuerKeys({
  issuer: config.issuer,
  jwksUrl: config.jwksUrl,
  clock,
  ask: () =>
    Promise.resolve({ status: 200, headers: {}, body: Buffer.from(JSON.stringify({ keys: [jwk] })) }),
  onTrouble: (trouble) => console.error(trouble),
});
const principal = { keyName: 'bench', tenant: 'default', team: '', user: '', role: 'developer' } as const;
const index = new KeyIndex(() => () => false);
const ownKey = 'sk-mr-0123456789abcdef0123456789abcdef01234567';
const credentials = createCredentials({
  known: (place) => index.entry(place),
  keys: createMemoryKeyStore([{ key: ownKey, principal }], clock),
  signed: new TokenVerifier([{ config, keys }], clock),
});

const signed = (sub: string) =>
  new SignJWT({
    groups: Array.from({ length: 8 }, (_, index) => `00000000-0000-0000-0000-00000000000${index}`),
  })
    .setProtectedHeader({ alg: 'RS256', kid: 'one', typ: 'at+jwt' })
    .setIssuer(config.issuer)
    .setAudience('llm')
    .setSubject(sub)
    .setExpirationTime('1h')
    .sign(privateKey);

/** Microseconds a time, the least of three runs. */
async function cost(count: number, work: (index: number) => unknown): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 3; run += 1) {
    const before = process.cpuUsage();
    for (let index = 0; index < count; index += 1) {
      const found = work(index);
      if (found instanceof Promise) await found;
    }
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / count);
  }
  return least;
}

/** Its own making taken off. */
async function costOf(credential: string): Promise<number> {
  const bytes = Buffer.from(credential);
  await credentials.find(credential);
  const making = await cost(times, () => bytes.toString('latin1'));
  return (await cost(times, () => credentials.find(bytes.toString('latin1')))) - making;
}

const token = await signed('alice');
const fresh = await Promise.all(Array.from({ length: 9_000 }, (_, index) => signed(`user-${index}`)));
const byKey = await costOf(ownKey);
const byToken = await costOf(token);
let next = 0;
const first = await cost(3_000, () => credentials.find(fresh[next++] ?? ''));
console.log(
  `a key ${byKey.toFixed(2)} us, a known token of ${token.length} characters ${byToken.toFixed(2)} us`,
);
console.log(
  `(${(byToken - byKey).toFixed(2)} us more), a token for the first time ${first.toFixed(0)} us of CPU`,
);
