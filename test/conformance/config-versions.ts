/** What every driver of `ConfigVersions` promises. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConfigVersionDraft } from '../../src/core/config-version.ts';
import type { ConfigVersions } from '../../src/core/ports.ts';

export interface OpenedConfigVersions {
  readonly versions: ConfigVersions;
  /** As another gateway on the same database has it. */
  readonly other: ConfigVersions;
  close(): Promise<void>;
}

function aDraft(changed: Partial<ConfigVersionDraft> = {}): ConfigVersionDraft {
  return {
    atMs: 1_767_225_600_000,
    by: 'alice',
    source: 'applied',
    note: '',
    fileDigest: '0123456789ab',
    masked: false,
    text: '# why\nlimits: []\n',
    vouched: ['10.0.0.7:8000', 'fd00::1:443'],
    ...changed,
  };
}

/** `open` gives an empty history each time. */
export function configVersionsConformance(driver: string, open: () => Promise<OpenedConfigVersions>): void {
  const promise = (name: string, run: (opened: OpenedConfigVersions) => Promise<void>) =>
    test(`${driver}: ${name}`, async () => {
      const opened = await open();
      await run(opened).finally(() => opened.close());
    });

  promise('a version comes back as it was written, numbered from 1', async ({ versions, other }) => {
    assert.deepEqual(await versions.page({ rowsMax: 1 }), []);
    const draft = aDraft({ by: "o'neill; drop table", masked: true, text: 'жена: 👩‍💻\n' });
    assert.deepEqual(await versions.append(draft, 0), { ...draft, number: 1 });
    assert.deepEqual(await other.find(1), { ...draft, number: 1 });
    assert.equal(await other.find(2), undefined);
    const believed = aDraft({ vouched: 'all' });
    await versions.append(believed, 1);
    assert.deepEqual(await other.find(2), { ...believed, number: 2 });
  });

  promise('a version that was not seen is not written over', async ({ versions }) => {
    await versions.append(aDraft(), 0);
    await assert.rejects(versions.append(aDraft(), 0), { code: 'precondition_failed' });
    await assert.rejects(versions.append(aDraft(), 7), { code: 'precondition_failed' });
    assert.equal((await versions.append(aDraft(), 1)).number, 2);
  });

  promise('of many that write at once over one version, one does', async ({ versions, other }) => {
    await versions.append(aDraft(), 0);
    const tried = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) =>
        (index % 2 === 0 ? versions : other).append(aDraft({ note: `${index}` }), 1),
      ),
    );
    assert.equal(tried.filter(({ status }) => status === 'fulfilled').length, 1);
    for (const each of tried)
      if (each.status === 'rejected') assert.equal(each.reason.code, 'precondition_failed');
    assert.equal((await versions.page({ rowsMax: 1 }))[0]?.number, 2);
  });

  promise(
    'the history is told from the newest on, a page at a time, without the texts',
    async ({ versions }) => {
      for (let number = 0; number < 5; number += 1)
        await versions.append(aDraft({ note: `${number}` }), number);
      const page = await versions.page({ rowsMax: 2 });
      assert.deepEqual(
        page.map(({ number, note }) => [number, note]),
        [
          [5, '4'],
          [4, '3'],
        ],
      );
      assert.ok(page.every((facts) => !('text' in facts)));
      const rest = await versions.page({ before: 4, rowsMax: 10 });
      assert.deepEqual(
        rest.map(({ number }) => number),
        [3, 2, 1],
      );
      await assert.rejects(versions.page({ rowsMax: 0 }), { code: 'invalid_request' });
    },
  );
}
