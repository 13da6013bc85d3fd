/** Run by `npm run lock`: leaves each platform's binary to its own processor. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface LockedPackage {
  readonly name?: string;
  cpu?: string[];
}

const file = join(import.meta.dirname, 'package-lock.json');
const lock = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, LockedPackage> };
for (const [path, locked] of Object.entries(lock.packages)) {
  // Several packages name x64 beside their own processor, for those who pack an application for many machines
  // on one; npm would install them on every x64 machine.
  const processor = /^node_modules\/@node-llama-cpp\/[a-z]+-([a-z0-9]+)/.exec(path)?.[1];
  const isStandIn = locked.name !== undefined;
  if (processor !== undefined && !isStandIn) locked.cpu = [processor === 'armv7l' ? 'arm' : processor];
}
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
