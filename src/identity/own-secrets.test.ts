import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openOwnSecrets } from './own-secrets.ts';

async function folderFor(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-secrets-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

test('secrets are made once, and only their owner can read them', async (t) => {
  const folder = await folderFor(t);
  const first = await openOwnSecrets(folder);
  assert.deepEqual(await openOwnSecrets(folder), { ...first, fresh: false });
  assert.equal(first.fresh, true);
  assert.deepEqual((await readdir(folder)).sort(), ['admin-token', 'client-key']);
  assert.equal((await stat(join(folder, 'client-key'))).mode & 0o777, 0o600);
});

test('starts at the same moment agree on one secret, and leave nothing beside it', async (t) => {
  const folder = await folderFor(t);
  const all = await Promise.all(Array.from({ length: 8 }, () => openOwnSecrets(folder)));
  assert.equal(new Set(all.map(({ clientKey }) => clientKey)).size, 1);
  assert.equal(new Set(all.map(({ adminToken }) => adminToken)).size, 1);
  assert.equal(all.filter(({ fresh }) => fresh).length, 1);
  assert.deepEqual((await readdir(folder)).sort(), ['admin-token', 'client-key']);
});

test('folders above are made too, and what others may write is named', async (t) => {
  const folder = join(await folderFor(t), 'deeper', 'still');
  assert.deepEqual((await openOwnSecrets(folder)).writableByOthers, []);
  await chmod(folder, 0o777);
  await chmod(join(folder, 'client-key'), 0o620);
  assert.deepEqual((await openOwnSecrets(folder)).writableByOthers, [folder, join(folder, 'client-key')]);
});

for (const [what, contents] of Object.entries({ empty: '', blank: ' \n', 'cut short': 'sk-mr-12' })) {
  test(`G1: a secret file that is ${what} is no secret: the start is refused, and says what mends it`, async (t) => {
    const folder = await folderFor(t);
    await openOwnSecrets(folder);
    await writeFile(join(folder, 'client-key'), contents);
    await assert.rejects(openOwnSecrets(folder), /client-key holds fewer than 16 characters; delete it/);
  });
}
