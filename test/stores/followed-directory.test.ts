// What a gateway knows of a directory that changes behind it, over the embedded database.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { identityOptions } from '../../src/identity/identity-options.ts';
import { newKey } from '../../src/identity/key-rules.ts';
import { createMemoryPresence } from '../../src/stores/memory/presence.ts';
import { openStore } from '../../src/stores/open-store.ts';
import type { Store } from '../../src/stores/sql/store.ts';
import { openFollowedDirectory } from '../../src/wiring/followed-directory.ts';
import { aTenant } from '../conformance/directory-drafts.ts';
import { until } from '../faults/rig.ts';
import { createHeldClock } from '../held-clock.ts';

const clock = createHeldClock();
const scopes = { models: [], routes: [], addresses: [] };

/** One that follows the first of two databases, and can be led to the other. Unless it is alone others may change them. */
async function openRig(t: TestContext, { isAlone = true } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-followed-'));
  const open = (name: string) =>
    openStore('sqlite', {
      dataDir: join(folder, name),
      replicas: () => 1,
      clock,
      onTrouble: () => undefined,
    });
  const [first, second] = await Promise.all([open('first'), open('second')]);
  const store = { directory: first.directory, keyUses: first.keyUses };
  const noted: number[] = [];
  const meanwhile: (() => void)[] = [];
  const seen = { mayBeBehind: false, readings: 0 };
  const presence = createMemoryPresence();
  const troubles: string[] = [];
  const tell = (_facts: object, message: string) => void troubles.push(message);
  const followed = await openFollowedDirectory({
    config: { data: join(folder, 'first'), store: 'sqlite', identity: identityOptions.parse({}) },
    clock,
    log: { debug: tell, info: tell, warn: tell, error: tell, exchange: tell, level: 'info', flush: () => {} },
    store: {
      directory: {
        ...first.directory,
        changes: async (...asked) => {
          seen.readings += 1;
          return { ...(await store.directory.changes(...asked)), mayBeBehind: seen.mayBeBehind };
        },
        put: (...asked) => store.directory.put(...asked),
      },
      keyUses: {
        ...first.keyUses,
        note: (uses) => {
          noted.push(uses.length);
          meanwhile.pop()?.();
          return first.keyUses.note(uses);
        },
      },
    },
    presence,
    among: isAlone ? undefined : { role: 'worker' },
  });
  t.after(async () => {
    await followed.close();
    await Promise.all([first.close(), second.close()]);
    await rm(folder, { recursive: true });
    assert.deepEqual(troubles, []);
  });
  const { digest } = await followed.digester();
  const asked = { tenant: 'default', team: '', user: '', role: 'developer', expiresAtMs: 0, scopes } as const;
  return {
    followed,
    seen,
    first,
    second,
    noted,
    meanwhile,
    leadTo: (other: Store) => {
      store.directory = other.directory;
    },
    hear: () => presence.publish('directory', 'changed'),
    make: (name: string) => newKey({ ...asked, name }, { digest, nowMs: clock.wall() }),
    isKnown: (key: string) => followed.keys.find(key) !== undefined,
    isLetIn: async (key: string) => (await followed.keys.find(key)) !== undefined,
  };
}

test('a store that was restored from a copy is read anew: what is not in the copy opens no more', async (t) => {
  const { followed, second, leadTo, hear, make, isKnown } = await openRig(t);
  const [both, lost] = [make('both'), make('lost')];
  await second.directory.put(both.draft);
  await followed.directory.put(both.draft);
  await followed.directory.put(lost.draft);
  assert.deepEqual([isKnown(both.key), isKnown(lost.key)], [true, true]);
  leadTo(second);
  await hear();
  await until('it has read the copy', () => !isKnown(lost.key));
  assert.equal(isKnown(both.key), true);
});

test('whoever was away for longer than removals are told reads everything anew', async (t) => {
  const { followed, first, hear, make, isKnown } = await openRig(t);
  const { key, draft } = make('removed');
  await followed.directory.put(draft);
  assert.equal(isKnown(key), true);
  await first.directory.remove(draft);
  clock.advance(3 * 86_400_000);
  await first.directory.put(aTenant('acme'));
  assert.deepEqual((await first.directory.changes(1, 100)).gone, [], 'nobody is told of it any more');
  await hear();
  await until('it is gone', () => !isKnown(key));
});

test('when a great many keys were used is noted some hundred at a time, and requests have their turn in between', async (t) => {
  const { followed, first, noted, make, isKnown } = await openRig(t);
  const made = Array.from({ length: 450 }, (_, at) => make(`used-${at}`));
  for (const { draft } of made) await first.directory.put(draft);
  await followed.directory.put(make('heard').draft);
  assert.ok(made.every(({ key }) => isKnown(key)));
  clock.advance(60_000);
  await until('all are noted', () => noted.reduce((sum, count) => sum + count, 0) === 450);
  assert.deepEqual(noted, [200, 200, 50]);
  const kept = await first.keyUses.of(
    'default',
    made.map(({ draft }) => draft.name),
  );
  assert.equal(kept.length, 450);
});

test('keys that are used while others are noted wait for the next minute: noting ends, however many come', async (t) => {
  const { followed, noted, meanwhile, make, isKnown } = await openRig(t);
  const made = Array.from({ length: 20 }, (_, at) => make(`busy-${at}`));
  for (const { draft } of made) await followed.directory.put(draft);
  const [first, ...others] = made;
  assert.ok(first !== undefined && isKnown(first.key));
  // Each time that something is noted there is one key more.
  meanwhile.push(
    ...others.map(
      ({ key }) =>
        () =>
          void isKnown(key),
    ),
  );
  clock.advance(60_000);
  await until('the first is noted', () => noted.length > 0);
  await followed.directory.put(make('after').draft);
  assert.deepEqual(noted, [1]);
  clock.advance(60_000);
  await until('the next is noted', () => noted.length > 1);
});

test('G5: a key of which no message told is let in at once all the same, and for each burst of wrong ones the store is asked a few times', async (t) => {
  const { followed, first, seen, make, isLetIn } = await openRig(t, { isAlone: false });
  await followed.directory.put(make('one').draft);
  const silent = make('silent');
  await first.directory.put(silent.draft);
  assert.equal(await isLetIn(silent.key), true);
  clock.advance(1_000);
  const before = seen.readings;
  const wrong = Array.from({ length: 500 }, (_, at) => isLetIn(make(`wrong-${at}`).key));
  clock.advance(250);
  assert.deepEqual([...new Set(await Promise.all(wrong))], [false]);
  assert.ok(seen.readings - before <= 6, `${seen.readings - before} readings`);
});

test('DP11, G5: what a server that only reads does not have may be elsewhere: nobody can tell', async (t) => {
  const { followed, seen, hear, make, isLetIn } = await openRig(t, { isAlone: false });
  const known = make('known');
  await followed.directory.put(known.draft);
  seen.mayBeBehind = true;
  clock.advance(1_000);
  await assert.rejects(isLetIn(make('elsewhere').key), { code: 'dependency_unavailable' });
  assert.equal(await isLetIn(known.key), true);
  seen.mayBeBehind = false;
  await hear();
  const wrong = make('wrong');
  await until('it can tell again', async () => (await isLetIn(wrong.key).catch(() => undefined)) === false);
});

test('G5: of a gateway that has closed its store nobody can tell whether a key that it does not know is none', async (t) => {
  const { followed, first, make, isLetIn } = await openRig(t, { isAlone: false });
  await followed.directory.put(make('one').draft);
  const late = make('late');
  await followed.close();
  await first.directory.put(late.draft);
  await assert.rejects(isLetIn(late.key), { code: 'dependency_unavailable' });
});
