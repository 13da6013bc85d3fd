/** What looks at processes and networks from outside: for tests that say why they are left out where there is none of it. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { aptInstall } from './apt-install.ts';

const tools = { strace: ['strace', '-V'], iproute2: ['ip', '-V'] } as const;

export async function installKernelTools(): Promise<void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return;
  for (const name of Object.keys(tools) as (keyof typeof tools)[]) {
    if (!isThere(name)) await aptInstall(name);
  }
}

export function isThere(name: keyof typeof tools): boolean {
  const [program, ...args] = tools[name];
  return spawnSync(program, args, { timeout: 10_000 }).status === 0;
}
