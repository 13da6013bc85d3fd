/** Part of `directory.ts`: what is written is written over what was looked at. */
import assert from 'node:assert/strict';
import type { DirectoryDraft } from '../../src/core/directory.ts';
import type { Directory } from '../../src/core/ports.ts';
import { aKey, aTeam, aUser } from './directory-drafts.ts';

type Story = (
  what: string,
  run: (parts: { readonly directory: Directory }, tenant: string) => Promise<void>,
) => unknown;

export function directoryStates(
  story: Story,
  stand: (directory: Directory) => Promise<{ readonly version: number }>,
): void {
  story('who switched off a team or user is kept with it', async ({ directory }, tenant) => {
    for (const draft of [aTeam(tenant, 'red'), aUser(tenant, 'ann')]) {
      const off = { ...draft, active: false, offBy: 'admin' } as DirectoryDraft;
      const { version, createdAtMs } = await directory.put(off);
      assert.deepEqual(await directory.find(draft), { ...off, version, createdAtMs });
    }
  });

  story(
    'nothing is written over a directory in which anything has changed',
    async ({ directory }, tenant) => {
      const { version } = await stand(directory);
      const red = await directory.put(aTeam(tenant, 'red'), 0, version);
      const blue = await directory.put(aTeam(tenant, 'blue'), 0, red.version);
      const moved = { code: 'precondition_failed' };
      await assert.rejects(directory.put(aTeam(tenant, 'red'), red.version, red.version), moved);
      await assert.rejects(directory.remove(red, red.version, red.version), moved);
      // Whose entry has changed is told so first.
      await assert.rejects(directory.put(aTeam(tenant, 'red'), blue.version, red.version), {
        code: 'conflict',
      });
      assert.equal(await directory.remove(red, red.version, blue.version), true);
    },
  );

  story('what has changed since it was looked at is not removed', async ({ directory }, tenant) => {
    const first = await directory.put(aKey(tenant, 'one'));
    const second = await directory.put(aKey(tenant, 'one'), first.version);
    await assert.rejects(directory.remove(first, first.version), { code: 'conflict' });
    assert.deepEqual(await directory.find(first), second);
    assert.equal(await directory.remove(first, second.version), true);
    assert.equal(await directory.remove(first, second.version), false);
  });
}
