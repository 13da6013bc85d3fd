/** nginx, for the tests that stand it before a gateway. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { aptInstall } from './apt-install.ts';

const name = 'nginx-light';

export async function installNginx(): Promise<void> {
  if (isThere()) return;
  const mayInstall = process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
  if (mayInstall && (await aptInstall(name)) && isThere()) return;
  throw new Error(
    `the tests of proxies need nginx, and there is none on PATH. Install it: apt-get install ${name} (or brew install nginx),\n` +
      'or leave these tests out: npm test -- --embedded',
  );
}

function isThere(): boolean {
  return spawnSync('nginx', ['-v'], { timeout: 10_000 }).status === 0;
}
