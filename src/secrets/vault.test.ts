/** Against a server that answers as Vault's API documentation says. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createHeldClock, type HeldClock } from '../../test/held-clock.ts';
import { createAuthority } from '../../test/upstream/certificate.ts';
import { type FakeVault, openFakeVault } from '../../test/upstream/vault.ts';
import { systemClock } from '../lib/clock.ts';
import { createDialer } from '../net/dialer.ts';
import { secretsOptions, type VaultOptions } from './options.ts';
import type { SecretSource } from './secret-source.ts';
import { createVault } from './vault.ts';

interface Rig {
  readonly vault: FakeVault;
  readonly clock: HeldClock;
  open(auth: object, more?: object): SecretSource;
}

async function openRig(
  t: TestContext,
  options: { leaseS?: number; longestS?: number; namespace?: string } = {},
): Promise<Rig> {
  const clock = createHeldClock();
  const vault = await openFakeVault({ clock, ...options });
  vault.put('llm/openai', { key: 'sk-of-the-vault', other: 'x' });
  t.after(() => vault.close());
  return {
    vault,
    clock,
    open: (auth, more = {}) => {
      const source = createVault(parseVault({ url: vault.url, auth, ...more }), {
        dialer: createDialer({ clock: systemClock }),
        clock,
        ca: undefined,
        timeoutMs: 1_000,
      });
      t.after(() => source.close());
      return source;
    },
  };
}

function parseVault(vault: object): VaultOptions {
  const { vault: parsed } = secretsOptions.parse({ vault });
  if (parsed === undefined) throw new Error('there is one');
  return parsed;
}

const appRole = ({ roleId, secretId }: FakeVault) => ({ appRole: { roleId, secretId } });

/** What renews in the background takes real time on the wire. */
async function until(what: string, done: () => boolean): Promise<void> {
  const giveUpMs = performance.now() + 5_000;
  while (!done()) {
    assert.ok(performance.now() < giveUpMs, what);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('a secret is read with a token that was given, by AppRole, and as a service account', async (t) => {
  const { vault, open } = await openRig(t);
  const folder = mkdtempSync(join(tmpdir(), 'millrace-vault-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, `${vault.jwt}\n`);
  for (const auth of [
    { token: vault.root },
    { token: vault.createToken(60, 600) },
    appRole(vault),
    { kubernetes: { role: 'gateway', tokenFile } },
  ]) {
    assert.deepEqual(await open(auth).read('llm/openai'), { key: 'sk-of-the-vault', other: 'x' });
  }
});

test('many reads log in once', async (t) => {
  const { vault, open } = await openRig(t);
  const source = open(appRole(vault));
  await Promise.all(Array.from({ length: 20 }, () => source.read('llm/openai')));
  assert.equal(vault.asked.filter((line) => line.endsWith('approle/login')).length, 1);
});

test('a lease is renewed before it ends, for as long as Vault allows, and then logged in for again', async (t) => {
  const { vault, clock, open } = await openRig(t, { leaseS: 60, longestS: 150 });
  const source = open(appRole(vault));
  const count = (path: string) => vault.asked.filter((line) => line === `POST auth/${path}`).length;
  await source.read('llm/openai');
  // Nobody reads meanwhile: at 40 s, at 80 s and at 120 s there is a third of the lease left.
  for (const renewals of [1, 2, 3]) {
    clock.advance(40_000);
    await until(`${renewals} renewals`, () => count('token/renew-self') === renewals && clock.pending === 1);
  }
  assert.equal(count('approle/login'), 1);
  // What is left ends at 150 s for good.
  clock.advance(40_000);
  await source.read('llm/openai');
  assert.equal(count('approle/login'), 2);
});

test('a token that was given is renewed too, also when Vault was away for the first try', async (t) => {
  const { vault, clock, open } = await openRig(t);
  const source = open({ token: vault.createToken(60, 6_000) });
  const renewals = () => vault.asked.filter((line) => line.endsWith('renew-self')).length;
  await source.read('llm/openai');
  vault.seal(true);
  clock.advance(40_000);
  await until('tried', () => renewals() === 1 && clock.pending === 1);
  vault.seal(false);
  clock.advance(14_000);
  await until('renewed', () => renewals() === 2 && clock.pending === 1);
  clock.advance(30_000);
  assert.deepEqual(await source.read('llm/openai'), { key: 'sk-of-the-vault', other: 'x' });
});

test('a token that is refused is followed by a new one once; one that was given is not', async (t) => {
  const { vault, open } = await openRig(t);
  const [role, given] = [open(appRole(vault)), open({ token: vault.createToken(60, 600) })];
  await Promise.all([role.read('llm/openai'), given.read('llm/openai')]);
  vault.revokeAll();
  assert.deepEqual(await role.read('llm/openai'), { key: 'sk-of-the-vault', other: 'x' });
  await assert.rejects(given.read('llm/openai'), /Vault does not allow it.*permission denied/);
});

test('what is not there, a login that is refused, and being sealed are told apart', async (t) => {
  const { vault, open } = await openRig(t, { namespace: 'team' });
  const refusals = [
    { source: open({ token: vault.root }), says: /has nothing there/, away: false },
    {
      source: open(appRole(vault), { namespace: 'team' }),
      place: 'llm/none',
      says: /has nothing there/,
      away: false,
    },
    {
      source: open({ appRole: { roleId: 'a', secretId: 'b' } }, { namespace: 'team' }),
      says: /did not understand the question \(invalid role or secret ID\)/,
      away: false,
    },
    {
      source: open({ kubernetes: { role: 'gateway', tokenFile: '/nowhere/token' } }, { namespace: 'team' }),
      says: /service account's token cannot be read from \/nowhere\/token/,
      away: false,
    },
  ];
  for (const { source, place = 'llm/openai', says, away } of refusals) {
    await assert.rejects(source.read(place), (thrown: Error & { away?: boolean }) => {
      assert.match(thrown.message, says);
      assert.equal(thrown.away, away);
      return true;
    });
  }
  vault.seal(true);
  const sealed = open({ token: vault.root }, { namespace: 'team' });
  await assert.rejects(sealed.read('llm/openai'), { away: true, message: /is sealed/ });
  // It is asked again as if nothing had been.
  vault.seal(false);
  assert.deepEqual(await sealed.read('llm/openai'), { key: 'sk-of-the-vault', other: 'x' });
  await vault.close();
  await assert.rejects(sealed.read('llm/openai'), { away: true, message: /cannot be reached/ });
});

test('Vault is believed by the certificate that was named for it, and by no other', async (t) => {
  const clock = systemClock;
  const authority = createAuthority();
  const vault = await openFakeVault({ clock, tls: authority.issue('none') });
  t.after(() => vault.close());
  vault.put('llm/openai', { key: 'k' });
  const open = (ca: string | undefined) => {
    const options = parseVault({ url: vault.url, auth: { token: vault.root } });
    return createVault(options, { dialer: createDialer({ clock }), clock, ca, timeoutMs: 1_000 });
  };
  assert.deepEqual(await open(authority.cert).read('llm/openai'), { key: 'k' });
  await assert.rejects(open(undefined).read('llm/openai'), { away: true });
});
