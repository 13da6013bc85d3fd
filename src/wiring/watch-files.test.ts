import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../lib/clock.ts';
import { FileWatch } from './watch-files.ts';

interface Rig {
  readonly folder: string;
  readonly watch: FileWatch;
  /** Resolves with the next change; those that nobody waited for are kept. */
  change(): Promise<void>;
  readonly changes: () => number;
}

async function rig(t: TestContext): Promise<Rig> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-watch-'));
  let changes = 0;
  let awaited = 0;
  let wake = () => {};
  const watch = new FileWatch({
    clock: systemClock,
    quietMs: 30,
    onChange: () => {
      changes += 1;
      wake();
    },
    onTrouble: (_folder, trouble) => assert.fail(trouble),
  });
  t.after(async () => {
    watch.close();
    await rm(folder, { recursive: true });
  });
  const change = async () => {
    awaited += 1;
    while (changes < awaited) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { folder, watch, change, changes: () => changes };
}

test('a change is noticed however it is written: in place, by a rename, behind a link', {
  timeout: 10_000,
}, async (t) => {
  const { folder, watch, change } = await rig(t);
  const file = join(folder, 'config.yaml');
  for (const version of ['one', 'two']) {
    await mkdir(join(folder, version));
    await writeFile(join(folder, version, 'linked.yaml'), version);
  }
  // As an orchestrator mounts configuration: a link to a folder, which is swapped.
  await symlink('one', join(folder, 'current'));
  await symlink(join('current', 'linked.yaml'), join(folder, 'linked.yaml'));
  await writeFile(file, 'a');
  watch.follow([file, join(folder, 'linked.yaml')]);

  await writeFile(file, 'in place');
  await change();
  await writeFile(join(folder, 'draft'), 'by a rename');
  await rename(join(folder, 'draft'), file);
  await change();
  await symlink('two', join(folder, 'next'));
  await rename(join(folder, 'next'), join(folder, 'current'));
  await change();
});

test('other files of the folder mean nothing, and neither do files no longer followed', {
  timeout: 10_000,
}, async (t) => {
  const { folder, watch, change, changes } = await rig(t);
  const [first, second] = [join(folder, 'first'), join(folder, 'second')];
  await writeFile(first, '');
  await writeFile(second, '');
  watch.follow([first]);
  await writeFile(second, 'not followed');
  watch.follow([second]);
  await writeFile(first, 'no longer followed');
  await writeFile(second, 'followed');
  await change();
  assert.equal(changes(), 1);
});

test('a file that is taken away and comes back is noticed', { timeout: 10_000 }, async (t) => {
  const { folder, watch, change } = await rig(t);
  const file = join(folder, 'config.yaml');
  await writeFile(file, 'a');
  watch.follow([file]);
  await rm(file);
  await change();
  await writeFile(file, 'b');
  await change();
});

test('a file that nobody can look at is a change, and no end of the process', {
  timeout: 10_000,
}, async (t) => {
  const { folder, watch, change } = await rig(t);
  const file = join(folder, 'config.yaml');
  await writeFile(file, 'a');
  watch.follow([file]);
  await symlink('config.yaml', join(folder, 'circle'));
  await rename(join(folder, 'circle'), file);
  await change();
  await rm(file);
  await writeFile(file, 'b');
  await change();
});
