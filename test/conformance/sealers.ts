/** What `Sealers` promise on either database, and between replicas that share it. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { fail } from '../../src/core/failure.ts';
import { createSealingKey, KeyRing } from '../../src/lib/seal.ts';
import { createMemoryPresence } from '../../src/stores/memory/presence.ts';
import { createSealers, type OpenSealers } from '../../src/stores/sealers.ts';
import type { Store } from '../../src/stores/sql/store.ts';
import { rewrapDataKeys } from '../../src/stores/wrapped-key.ts';
import { createHeldClock } from '../held-clock.ts';

const masterKey = () => createSealingKey(randomBytes(32));
const plain = Buffer.from('what was said');

export function sealersConformance(driver: string, openStore: (t: TestContext) => Promise<Store>): void {
  const open = async (t: TestContext, masterKeys = new KeyRing(masterKey())) => {
    const store = await openStore(t);
    const presence = createMemoryPresence();
    const clock = createHeldClock();
    const replica = (changed: { masterKeys?: KeyRing; store?: Pick<Store, 'dataKeys'> } = {}): OpenSealers =>
      createSealers({ dataKeys: (changed.store ?? store).dataKeys, masterKeys, presence, clock, ...changed });
    return { store, clock, replica };
  };

  test(`${driver}: what one replica seals another opens, as its owner's alone`, async (t) => {
    const { replica } = await open(t);
    const [one, two] = [replica(), replica()];
    const sealed = (await one.of('acme', 'ada')).seal(plain, 'a conversation');
    assert.deepEqual(Buffer.from((await two.of('acme', 'ada')).open(sealed, 'a conversation')), plain);
    for (const [tenant, user] of [
      ['acme', ''],
      ['acme', 'bob'],
      ['', 'ada'],
      ['', ''],
    ] as const) {
      const other = await two.of(tenant, user);
      assert.throws(() => other.open(sealed, 'a conversation'), /not here/, `${tenant}/${user}`);
    }
  });

  test(`${driver}: of many that ask for a new key at once all get the same`, async (t) => {
    const { replica } = await open(t);
    const replicas = [replica(), replica(), replica()];
    const sealers = await Promise.all(
      Array.from({ length: 30 }, (_, at) => (replicas[at % 3] ?? replica()).of('acme', 'ada')),
    );
    const sealed = sealers[0]?.seal(plain, 'it');
    assert.ok(sealed !== undefined);
    for (const sealer of sealers) assert.deepEqual(Buffer.from(sealer.open(sealed, 'it')), plain);
  });

  test(`${driver}: a destroyed key opens nothing any more, here and at the other replicas at once`, async (t) => {
    const { replica } = await open(t);
    const [one, two] = [replica(), replica()];
    const ofAda = (await one.of('acme', 'ada')).seal(plain, 'it');
    const ofBob = (await one.of('acme', 'bob')).seal(plain, 'it');
    await two.of('acme', 'ada');
    await one.destroy('acme', 'ada');
    await Promise.resolve();
    for (const each of [one, two]) {
      const ada = await each.of('acme', 'ada');
      assert.throws(() => ada.open(ofAda, 'it'), /not here/);
      assert.deepEqual(Buffer.from((await each.of('acme', 'bob')).open(ofBob, 'it')), plain);
    }
    await two.destroy('acme');
    const bob = await one.of('acme', 'bob');
    assert.throws(() => bob.open(ofBob, 'it'), /not here/);
  });

  test(`${driver}: a replica that heard nothing of it stops using a destroyed key within a minute`, async (t) => {
    const { store, clock, replica } = await open(t);
    const deaf = replica();
    const sealed = (await deaf.of('acme', 'ada')).seal(plain, 'it');
    await store.dataKeys.remove('acme', 'ada');
    clock.advance(60_000);
    const later = await deaf.of('acme', 'ada');
    assert.throws(() => later.open(sealed, 'it'), /not here/);
  });

  test(`${driver}: DP9: keys in use stay in use for a while without the database, and no others`, async (t) => {
    const { store, clock, replica } = await open(t);
    let away = false;
    const { dataKeys } = store;
    const find: typeof dataKeys.find = async (owner) => {
      if (away) throw fail('dependency_unavailable', 'the database is away');
      return await dataKeys.find(owner);
    };
    const sealers = replica({ store: { dataKeys: { ...dataKeys, find } } });
    const sealed = (await sealers.of('acme', 'ada')).seal(plain, 'it');
    away = true;
    clock.advance(899_999);
    assert.deepEqual(Buffer.from((await sealers.of('acme', 'ada')).open(sealed, 'it')), plain);
    await assert.rejects(sealers.of('acme', 'bob'), { code: 'dependency_unavailable' });
    clock.advance(1);
    await assert.rejects(sealers.of('acme', 'ada'), { code: 'dependency_unavailable' });
    away = false;
    assert.deepEqual(Buffer.from((await sealers.of('acme', 'ada')).open(sealed, 'it')), plain);
  });

  test(`${driver}: P10: a new master key takes over while the old one still opens, and then may go`, async (t) => {
    const [first, second] = [masterKey(), masterKey()];
    const { store, replica } = await open(t, new KeyRing(first));
    const owners = Array.from({ length: 530 }, (_, at) => ({ tenant: `t${at % 7}`, user: `u${at}` }));
    const sealed = new Map<string, Uint8Array>();
    const before = replica();
    for (const { tenant, user } of owners)
      sealed.set(user, (await before.of(tenant, user)).seal(plain, user));

    const overlap = new KeyRing(second, [first]);
    const during = replica({ masterKeys: overlap });
    for (const { tenant, user } of owners.slice(0, 10))
      assert.deepEqual(
        Buffer.from((await during.of(tenant, user)).open(sealed.get(user) ?? plain, user)),
        plain,
      );
    const first500 = await rewrapDataKeys(store.dataKeys, overlap);
    assert.deepEqual([first500.rewrapped, first500.left], [500, []]);
    assert.deepEqual(await rewrapDataKeys(store.dataKeys, overlap, first500.next), {
      rewrapped: 30,
      left: [],
    });
    assert.deepEqual(await rewrapDataKeys(store.dataKeys, overlap), { rewrapped: 0, left: [] });

    const after = replica({ masterKeys: new KeyRing(second) });
    for (const { tenant, user } of owners)
      assert.deepEqual(
        Buffer.from((await after.of(tenant, user)).open(sealed.get(user) ?? plain, user)),
        plain,
      );
    await assert.rejects(replica({ masterKeys: new KeyRing(first) }).of('t0', 'u0'), /secrets\.masterKey/);
  });

  test(`${driver}: what no master key here opens is told of and left, and a copied row does not open`, async (t) => {
    const { store, replica } = await open(t);
    const strange = { tenant: 'acme', user: 'eve', wrapped: '', master: '' };
    const stranger = new KeyRing(masterKey());
    const wrapped = stranger.seal(randomBytes(32), 'data key').toString('base64url');
    await store.dataKeys.insert({ ...strange, wrapped, master: stranger.current.id, createdAtMs: 1 });
    const { left } = await rewrapDataKeys(store.dataKeys, new KeyRing(masterKey()));
    assert.deepEqual(left, [{ tenant: 'acme', user: 'eve' }]);
    await replica().of('acme', 'ada');
    const ada = await store.dataKeys.find({ tenant: 'acme', user: 'ada' });
    assert.ok(ada !== undefined);
    await store.dataKeys.insert({ ...ada, user: 'mallory', createdAtMs: 1 });
    await assert.rejects(replica().of('acme', 'mallory'), /not what it is taken for/);
  });
}
