import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createContainerShare } from './container-memory.ts';

const mib = 1024 * 1024;
const v1 = 'sys/fs/cgroup/memory';
const v2 = 'sys/fs/cgroup';

/** As a kernel shows it, in a folder. */
async function shareOf(t: TestContext, files: Readonly<Record<string, string | number>>): Promise<number> {
  const root = await mkdtemp(join(tmpdir(), 'millrace-test-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), `${text}\n`);
  }
  return createContainerShare(root)(16 * mib);
}

const second = (folder: string, { max, current }: { max: string | number; current: number }) => ({
  [`${folder}/memory.max`]: max,
  [`${folder}/memory.high`]: 'max',
  [`${folder}/memory.current`]: current,
  [`${folder}/memory.stat`]: `anon 1\nfile 9\ninactive_file ${10 * mib}\nactive_file ${6 * mib}\n`,
});
const first = (folder: string, { max, current }: { max: string | number; current: number }) => ({
  [`${folder}/memory.limit_in_bytes`]: max,
  [`${folder}/memory.usage_in_bytes`]: current,
  [`${folder}/memory.stat`]: `inactive_file 1\ntotal_inactive_file ${10 * mib}\ntotal_active_file ${6 * mib}\n`,
});
/** Less 16 MiB of files, 16 MiB that lie idle: 112 of the 224 that are left when 32 are spared. */
const half = { max: 256 * mib, current: 144 * mib };
const own = 'proc/self/cgroup';

const cases: readonly { what: string; files: Readonly<Record<string, string | number>>; share: number }[] = [
  { what: 'no Linux at all', files: {}, share: 0 },
  {
    what: 'v2, its group is the root that it sees',
    files: { [own]: '0::/', ...second(v2, half) },
    share: 0.5,
  },
  {
    what: 'v2, a group without a limit in one that has one',
    files: {
      [own]: '0::/pods/one',
      ...second(`${v2}/pods/one`, { max: 'max', current: 144 * mib }),
      ...second(`${v2}/pods`, half),
    },
    share: 0.5,
  },
  {
    what: 'v2, of two limits the one that is nearer',
    files: {
      [own]: '0::/pods/one',
      ...second(`${v2}/pods/one`, { max: 1024 * mib, current: 144 * mib }),
      ...second(`${v2}/pods`, half),
    },
    share: 0.5,
  },
  {
    what: 'v2, slowed down from below its limit on',
    files: {
      [own]: '0::/',
      ...second(v2, { max: 1024 * mib, current: 144 * mib }),
      [`${v2}/memory.high`]: 256 * mib,
    },
    share: 0.5,
  },
  {
    what: 'v1, beside other hierarchies',
    files: {
      [own]: '5:cpu,cpuacct:/x\n4:memory:/docker/abc\n0::/',
      ...first(`${v1}/docker/abc`, half),
      ...first(v1, { max: '9223372036854771712', current: 4096 * mib }),
    },
    share: 0.5,
  },
  {
    what: 'v1 in a container, which sees its own group where the path says otherwise',
    files: { [own]: '4:memory:/docker/abc', ...first(v1, half) },
    share: 0.5,
  },
  {
    what: 'a limit that nobody set',
    files: {
      [own]: '4:memory:/\n0::/',
      ...first(v1, { max: '9223372036854771712', current: 4096 * mib }),
      ...second(v2, { max: 'max', current: 4096 * mib }),
    },
    share: 0,
  },
];

for (const { what, files, share } of cases) {
  test(`P5: what is used of a container's memory: ${what}`, async (t) => {
    assert.equal(await shareOf(t, files), share);
  });
}
