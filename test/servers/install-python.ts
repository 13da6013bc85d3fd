/** Python, for the tests of its client. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { aptInstall } from './apt-install.ts';

export async function installPython(): Promise<void> {
  if (pythonProgram() !== undefined) return;
  const mayInstall = process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
  if (mayInstall && (await aptInstall('python3')) && pythonProgram() !== undefined) return;
  throw new Error(
    'the tests of the Python client need Python 3.9 or later, and there is none here. Install it: apt-get install python3 ' +
      '(or brew install python), or leave these tests out: npm test -- --embedded',
  );
}

export function pythonProgram(): string | undefined {
  const isNewEnough = 'import sys; sys.exit(sys.version_info < (3, 9))';
  return ['python3', 'python'].find(
    (name) => spawnSync(name, ['-c', isNewEnough], { timeout: 10_000 }).status === 0,
  );
}
