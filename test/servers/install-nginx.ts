/** nginx, for the tests that stand it before a gateway. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { aptInstall } from './apt-install.ts';

const name = 'nginx-light';

export async function installNginx(): Promise<void> {
  if (nginxProgram() !== undefined) return;
  const mayInstall = process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
  if (mayInstall && (await aptInstall(name)) && nginxProgram() !== undefined) return;
  throw new Error(
    `the tests of proxies need nginx, and there is none here. Install it: apt-get install ${name} (or brew install nginx),\n` +
      'or leave these tests out: npm test -- --embedded',
  );
}

/** Debian keeps it where only root's PATH looks. */
const places = ['nginx', '/usr/sbin/nginx', '/usr/local/sbin/nginx', '/opt/homebrew/bin/nginx'];

export function nginxProgram(): string | undefined {
  return places.find((place) => spawnSync(place, ['-v'], { timeout: 10_000 }).status === 0);
}
