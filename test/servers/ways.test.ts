import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseWay, type Machine, refusal, type Way } from './ways.ts';

const bare: Machine = {
  found: false,
  platform: 'linux',
  isRoot: false,
  isDebian: false,
  aptFailed: false,
  engine: undefined,
};

const table: readonly (readonly [string, Partial<Machine>, Way])[] = [
  ['what is there is used', { found: true }, 'found'],
  [
    'what is there is used, whoever we are',
    { found: true, isRoot: true, isDebian: true, engine: 'docker' },
    'found',
  ],
  ['root on Debian installs', { isRoot: true, isDebian: true }, 'apt'],
  [
    'root on Debian installs rather than fetch images',
    { isRoot: true, isDebian: true, engine: 'docker' },
    'apt',
  ],
  ['apt is asked once', { isRoot: true, isDebian: true, aptFailed: true }, 'refused'],
  [
    'after apt come containers',
    { isRoot: true, isDebian: true, aptFailed: true, engine: 'podman' },
    'containers',
  ],
  ['nobody but root installs', { isDebian: true }, 'refused'],
  ['nobody but root installs: containers', { isDebian: true, engine: 'docker' }, 'containers'],
  ['root elsewhere does not know the package', { isRoot: true }, 'refused'],
  ['root elsewhere: containers', { isRoot: true, engine: 'podman' }, 'containers'],
  ['macOS installs nothing by itself', { platform: 'darwin' }, 'refused'],
  ['macOS: containers', { platform: 'darwin', engine: 'docker' }, 'containers'],
  ['Windows is refused', { platform: 'win32' }, 'refused'],
];

for (const [name, machine, way] of table) {
  test(`${name}: ${way}`, () => assert.equal(chooseWay({ ...bare, ...machine }), way));
}

test('a refusal names what to install, in a command for this machine, and the way around', () => {
  const debian = refusal('postgres', { ...bare, isDebian: true });
  assert.match(debian, /PostgreSQL 14 or later/);
  assert.match(debian, /apt-get install --no-install-recommends postgresql$/m);
  assert.match(debian, /npm test -- --embedded/);
  const macos = refusal('redis', { ...bare, platform: 'darwin' });
  assert.match(macos, /Redis 7 or later/);
  assert.match(macos, /brew install redis$/m);
});

test('a refusal after apt says that apt did not help', () => {
  assert.match(
    refusal('redis', { ...bare, isRoot: true, isDebian: true, aptFailed: true }),
    /could not install/,
  );
});
