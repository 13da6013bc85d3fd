/** What every driver of the directory and of the uses of its keys must do. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type {
  DirectoryChanges,
  DirectoryDraft,
  DirectoryEntry,
  DirectoryPlace,
} from '../../src/core/directory.ts';
import type { Directory, KeyUses } from '../../src/core/ports.ts';
import { createHeldClock, type HeldClock } from '../held-clock.ts';
import { aKey, aTeam, aTenant, aUser } from './directory-drafts.ts';
import { directoryStates } from './directory-states.ts';

export interface OpenedDirectory {
  readonly directory: Directory;
  readonly uses: KeyUses;
  close(): Promise<void>;
}

/** Each test has tenants of its own, so that all may share one database. */
let tenants = 0;

export function directoryConformance(
  driver: string,
  open: (clock: HeldClock) => Promise<OpenedDirectory>,
): void {
  const clock = createHeldClock();
  let opening: Promise<OpenedDirectory> | undefined;
  after(async () => (await opening)?.close());

  const story = (what: string, run: (parts: OpenedDirectory, tenant: string) => Promise<void>) =>
    test(`${driver}: ${what}`, async () => {
      opening ??= open(clock);
      const opened = await opening;
      tenants += 1;
      const tenant = `tenant-${tenants}`;
      await opened.directory.put(aTenant(tenant));
      await run(opened, tenant);
    });

  story(
    'there is the tenant that everything belongs to of which nothing else was said',
    async ({ directory }) => {
      const found = await directory.find({ kind: 'tenant', tenant: 'default', name: '' });
      assert.equal(found?.active, true);
    },
  );

  story('what was put is found as it was put, with its version and time', async ({ directory }, tenant) => {
    await directory.put(aTeam(tenant, 'red'));
    await directory.put({ ...aUser(tenant, 'ann@example.org', 'red'), service: true } as DirectoryDraft);
    const scopes = { models: ['gemma', 'org/model'], routes: ['openai.chat'], addresses: ['10.0.0.0/8'] };
    const draft = aKey(tenant, 'ci', {
      team: 'red',
      user: 'ann@example.org',
      role: 'viewer',
      previousDigest: 'pepper.before',
      previousUntilMs: 1_900_000_000_000,
      expiresAtMs: 2_000_000_000_000,
      scopes,
    });
    const put = await directory.put(draft);
    const found = await directory.find(draft);
    assert.deepEqual(found, { ...draft, version: put.version, createdAtMs: clock.wall() });
    assert.deepEqual(found, put);
    const user = await directory.find({ kind: 'user', tenant, name: 'ann@example.org' });
    assert.ok(user?.kind === 'user' && user.service && user.team === 'red' && user.version < put.version);
    assert.equal(await directory.find({ kind: 'key', tenant, name: 'CI' }), undefined);
  });

  story(
    'a change keeps the time of the making, and is refused when somebody else was first',
    async (parts, tenant) => {
      const { directory } = parts;
      const made = await directory.put(aKey(tenant, 'one'), 0);
      clock.advance(5_000);
      const changed = await directory.put(aKey(tenant, 'one', { role: 'admin' }), made.version);
      assert.equal(changed.createdAtMs, made.createdAtMs);
      assert.ok(changed.version > made.version);
      await assert.rejects(directory.put(aKey(tenant, 'one'), made.version), { code: 'conflict' });
      await assert.rejects(directory.put(aKey(tenant, 'one'), 0), { code: 'conflict' });
      await assert.rejects(directory.put(aKey(tenant, 'two'), changed.version), { code: 'conflict' });
      const found = await directory.find({ kind: 'key', tenant, name: 'one' });
      assert.ok(found?.kind === 'key' && found.role === 'admin');
    },
  );

  story('of many who make the same at once one does', async ({ directory }, tenant) => {
    const tries = await Promise.allSettled(
      Array.from({ length: 12 }, (_, index) =>
        directory.put(aKey(tenant, 'same', { digest: `pepper.${tenant}.${index}` }), 0),
      ),
    );
    assert.equal(tries.filter(({ status }) => status === 'fulfilled').length, 1);
  });

  story('what an entry names must be there, in its own tenant', async ({ directory }, tenant) => {
    const other = `${tenant}-other`;
    await directory.put(aTenant(other));
    await directory.put(aTeam(other, 'red'));
    await directory.put(aUser(other, 'ann'));
    for (const draft of [
      aTeam(`${tenant}-absent`, 'red'),
      aUser(tenant, 'bob', 'red'),
      aKey(tenant, 'one', { team: 'red' }),
      aKey(tenant, 'one', { user: 'ann' }),
    ]) {
      await assert.rejects(directory.put(draft), { code: 'invalid_request' }, JSON.stringify(draft));
    }
    assert.deepEqual(await namesOf(directory, 'key', tenant), []);
  });

  story('names that would end up badly in logs and paths are refused', async ({ directory }, tenant) => {
    for (const name of [
      '',
      'a b',
      'a/b',
      '-a',
      'x'.repeat(65),
      "' or 1=1--",
      '__proto__',
      'a\u0000',
      '\ud800',
    ]) {
      await assert.rejects(
        directory.put(aKey(tenant, name)),
        { code: 'invalid_request' },
        JSON.stringify(name),
      );
    }
    for (const name of ['', 'a b', 'x'.repeat(257), 'a\nb', '\ud800']) {
      await assert.rejects(
        directory.put(aUser(tenant, name)),
        { code: 'invalid_request' },
        JSON.stringify(name),
      );
    }
    await assert.rejects(directory.put({ ...aTenant(tenant), name: 'x' }), { code: 'invalid_request' });
    await directory.put(aUser(tenant, `auth0|${'x'.repeat(200)}`));
  });

  story('one key is in it once, whatever it is called', async ({ directory }, tenant) => {
    await directory.put(aKey(tenant, 'one', { digest: `pepper.${tenant}` }));
    await assert.rejects(directory.put(aKey(tenant, 'two', { digest: `pepper.${tenant}` })), {
      code: 'conflict',
    });
    await directory.put(aKey(tenant, 'one', { digest: `pepper.${tenant}`, role: 'viewer' }));
    await assert.rejects(directory.put(aKey(tenant, 'empty', { digest: '' })), { code: 'invalid_request' });
  });

  story(
    'pages come in order, of one tenant alone, and go on where the last one ended',
    async (parts, tenant) => {
      const { directory } = parts;
      const names = ['B', 'a', 'a.1', 'b', 'c'];
      for (const name of names.toReversed()) await directory.put(aKey(tenant, name));
      await directory.put(aTenant(`${tenant}-other`));
      await directory.put(aKey(`${tenant}-other`, 'a'));
      assert.deepEqual(await namesOf(directory, 'key', tenant), names);
      const first = await directory.page({ kind: 'key', tenant, rowsMax: 2 });
      const after = { tenant, name: first.at(-1)?.name ?? '' };
      const rest = await directory.page({ kind: 'key', tenant, after, rowsMax: 10 });
      assert.deepEqual(
        [...first, ...rest].map(({ name }) => name),
        names,
      );
      const all = await directory.page({ kind: 'key', after, rowsMax: 4 });
      assert.deepEqual(
        all.map((entry) => `${entry.tenant}/${entry.name}`),
        [`${tenant}/a.1`, `${tenant}/b`, `${tenant}/c`, `${tenant}-other/a`],
      );
      await assert.rejects(directory.page({ kind: 'key', rowsMax: 0 }), { code: 'invalid_request' });
    },
  );

  story('keys of one user come alone, however many others there are', async ({ directory }, tenant) => {
    await directory.put(aUser(tenant, 'ann'));
    await directory.put(aKey(tenant, 'others'));
    for (const name of ['first', 'second']) await directory.put(aKey(tenant, name, { user: 'ann' }));
    const page = await directory.page({ kind: 'key', tenant, user: 'ann', rowsMax: 2 });
    assert.deepEqual(
      page.map(({ name }) => name),
      ['first', 'second'],
    );
  });

  story('a tenant goes with all that is in it, and nothing of another one', async ({ directory }, tenant) => {
    const other = `${tenant}-other`;
    for (const each of [tenant, other]) {
      await directory.put(aTenant(each));
      await directory.put(aTeam(each, 'red'));
      await directory.put(aUser(each, 'ann', 'red'));
      await directory.put(aKey(each, 'one', { user: 'ann' }));
    }
    const { version } = await stand(directory);
    assert.equal(await directory.remove({ kind: 'tenant', tenant, name: '' }), true);
    assert.equal(await directory.remove({ kind: 'tenant', tenant, name: '' }), false);
    for (const kind of ['tenant', 'team', 'user', 'key'] as const) {
      assert.deepEqual(await namesOf(directory, kind, tenant), []);
      assert.equal((await namesOf(directory, kind, other)).length, 1);
    }
    const told = await directory.changes(version, 100);
    assert.deepEqual(told.gone.map(({ kind }) => kind).sort(), ['key', 'team', 'tenant', 'user']);
    await assert.rejects(directory.put(aKey(tenant, 'one')), { code: 'invalid_request' });
  });

  story(
    'a user goes with the keys of that user; a team leaves its people behind',
    async ({ directory }, tenant) => {
      await directory.put(aTeam(tenant, 'red'));
      await directory.put(aUser(tenant, 'ann', 'red'));
      await directory.put(aUser(tenant, 'bob', 'red'));
      await directory.put(aKey(tenant, 'of-ann', { user: 'ann' }));
      await directory.put(aKey(tenant, 'of-bob', { user: 'bob' }));
      await directory.put(aKey(tenant, 'of-team', { team: 'red' }));
      assert.equal(await directory.remove({ kind: 'user', tenant, name: 'ann' }), true);
      assert.deepEqual(await namesOf(directory, 'key', tenant), ['of-bob', 'of-team']);
      const { version } = await stand(directory);
      await directory.remove({ kind: 'team', tenant, name: 'red' });
      const bob = await directory.find({ kind: 'user', tenant, name: 'bob' });
      assert.ok(bob?.kind === 'user' && bob.team === '' && bob.active);
      const told = await directory.changes(version, 100);
      assert.deepEqual(told.entries.map(({ name }) => name).sort(), ['bob', 'of-team']);
      assert.deepEqual(told.gone, [{ kind: 'team', tenant, name: 'red' }]);
      await assert.rejects(directory.put(aUser(tenant, 'cid', 'red')), { code: 'invalid_request' });
    },
  );

  directoryStates(story, stand);

  story('what was taken out can be made again, and is then new', async ({ directory }, tenant) => {
    const first = await directory.put(aKey(tenant, 'one'));
    await directory.remove(first);
    assert.equal(await directory.find(first), undefined);
    clock.advance(1_000);
    const again = await directory.put(aKey(tenant, 'one'), 0);
    assert.ok(again.version > first.version && again.createdAtMs > first.createdAtMs);
    assert.deepEqual(await directory.find(first), again);
  });

  story(
    'whoever follows in pages of any size is told of everything once, in order',
    async ({ directory }, tenant) => {
      for (const name of ['a', 'b', 'c', 'd', 'e']) await directory.put(aKey(tenant, name));
      await directory.put(aKey(tenant, 'b', { role: 'viewer' }));
      await directory.remove({ kind: 'key', tenant, name: 'c' });
      const whole = await allChanges(directory, 100);
      for (const rowsMax of [1, 2, 3]) assert.deepEqual(await allChanges(directory, rowsMax), whole);
      const versions = whole.entries.map(({ version }) => version);
      assert.deepEqual(
        versions,
        [...new Set(versions)].sort((one, other) => one - other),
      );
      const told = whole.entries.filter((entry) => entry.tenant === tenant && entry.kind === 'key');
      assert.deepEqual(
        told.map(({ name }) => name),
        ['a', 'd', 'e', 'b'],
      );
      const gone = whole.gone.filter((place) => place.tenant === tenant);
      assert.deepEqual(gone, [{ kind: 'key', tenant, name: 'c' }]);
      const { version } = await stand(directory);
      assert.deepEqual(await directory.changes(version, 100), {
        entries: [],
        gone: [],
        version,
        more: false,
        mayBeBehind: false,
      });
      // Whoever knows of more than there is has another database before him: the version says so.
      assert.equal((await directory.changes(version + 1_000, 100)).version, version);
    },
  );

  story('a removal of many is told in pages like everything else', async ({ directory, uses }, tenant) => {
    for (let index = 0; index < 60; index += 1) await directory.put(aKey(tenant, `key-${index}`));
    await uses.note([{ tenant, name: 'key-1', usedAtMs: 1 }]);
    const { version } = await stand(directory);
    await directory.remove({ kind: 'tenant', tenant, name: '' });
    const told: DirectoryPlace[] = [];
    let changes: Pick<DirectoryChanges, 'gone' | 'version' | 'more'> = { gone: [], version, more: true };
    while (changes.more) {
      changes = await directory.changes(changes.version, 7);
      told.push(...changes.gone);
    }
    assert.equal(told.filter(({ kind }) => kind === 'key').length, 60);
    assert.deepEqual(await uses.of(tenant, ['key-1']), [], 'when it was used goes with it');
  });

  story('what was taken out is forgotten after two days, and no sooner', async ({ directory }, tenant) => {
    await directory.put(aKey(tenant, 'one'));
    await directory.remove({ kind: 'key', tenant, name: 'one' });
    const told = async () =>
      (await allChanges(directory, 100)).gone.some(
        (place) => place.tenant === tenant && place.name === 'one',
      );
    clock.advance(47 * 3_600_000);
    await directory.put(aKey(tenant, 'two'));
    assert.equal(await told(), true);
    clock.advance(2 * 3_600_000);
    await directory.put(aKey(tenant, 'three'));
    assert.equal(await told(), false);
  });

  story(
    'changes made at once by many are seen in the order of their versions by one who follows',
    async (parts, tenant) => {
      const { directory } = parts;
      const seen = new Set<string>();
      let { version } = await stand(directory);
      let writing = true;
      const follower = (async () => {
        for (let last = false; !last; ) {
          last = !writing;
          const told = await directory.changes(version, 5);
          for (const { name } of told.entries) seen.add(name);
          version = told.version;
          if (told.more) last = false;
        }
      })();
      await Promise.all(
        Array.from({ length: 40 }, (_, index) => directory.put(aKey(tenant, `key-${index}`))),
      );
      writing = false;
      await follower;
      assert.equal(seen.size, 40);
    },
  );

  story(
    'a tenant has room for a thousand teams, and what was removed counts for two days',
    async ({ directory }, tenant) => {
      // No more at once than a store has connections: who waits for one too long is refused.
      for (let from = 0; from < 1_000; from += 10) {
        await Promise.all(
          Array.from({ length: 10 }, (_, index) => directory.put(aTeam(tenant, `team-${from + index}`))),
        );
      }
      await assert.rejects(directory.put(aTeam(tenant, 'one-more')), { code: 'conflict' });
      await directory.put(aTeam(tenant, 'team-1'));
      await directory.remove({ kind: 'team', tenant, name: 'team-1' });
      await assert.rejects(directory.put(aTeam(tenant, 'one-more')), { code: 'conflict' });
      clock.advance(49 * 3_600_000);
      await directory.put(aTeam(tenant, 'one-more'));
    },
  );

  story('the later use of a key stays, whoever notes it first', async ({ directory, uses }, tenant) => {
    for (const name of ['a', 'b', 'c']) await directory.put(aKey(tenant, name));
    await uses.note([
      { tenant, name: 'a', usedAtMs: 20 },
      { tenant, name: 'b', usedAtMs: 30 },
    ]);
    await uses.note([
      { tenant, name: 'b', usedAtMs: 10 },
      { tenant, name: 'a', usedAtMs: 40 },
    ]);
    const found = await uses.of(tenant, ['a', 'b', 'c']);
    assert.deepEqual(Object.fromEntries(found.map(({ name, usedAtMs }) => [name, usedAtMs])), {
      a: 40,
      b: 30,
    });
    await directory.remove({ kind: 'key', tenant, name: 'a' });
    assert.deepEqual(
      (await uses.of(tenant, ['a', 'b'])).map(({ name }) => name),
      ['b'],
    );
    assert.deepEqual(await uses.of(tenant, []), []);
  });
}

async function namesOf(
  directory: Directory,
  kind: DirectoryPlace['kind'],
  tenant: string,
): Promise<readonly string[]> {
  return (await directory.page({ kind, tenant, rowsMax: 1_000 })).map(({ name }) => name);
}

async function stand(directory: Directory): Promise<{ version: number }> {
  return await directory.changes(Number.MAX_SAFE_INTEGER, 1);
}

async function allChanges(directory: Directory, rowsMax: number) {
  const entries: DirectoryEntry[] = [];
  const gone: DirectoryPlace[] = [];
  let changes: DirectoryChanges = { entries, gone, version: 0, more: true, mayBeBehind: false };
  while (changes.more) {
    changes = await directory.changes(changes.version, rowsMax);
    entries.push(...changes.entries);
    gone.push(...changes.gone);
  }
  return { entries, gone };
}
