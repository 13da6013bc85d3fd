// The machine and the versions that a result belongs to.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import type { Pinning } from './child.ts';

export interface Environment {
  readonly date: string;
  readonly commit: string;
  readonly node: string;
  readonly undici: string;
  readonly kernel: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly governor: string;
  readonly nofile: string;
  readonly pinning: string;
}

export function describeEnvironment(pinning: Pinning): Environment {
  const manifest: { version?: string } = JSON.parse(
    readFileSync(new URL('../node_modules/undici/package.json', import.meta.url), 'utf8'),
  );
  return {
    date: new Date().toISOString(),
    commit: tryCommand('git', ['describe', '--always', '--dirty']),
    node: process.version,
    undici: manifest.version ?? 'unknown',
    kernel: release(),
    cpu: cpus()[0]?.model ?? 'unknown',
    // All of them: this process has confined itself to one.
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    governor: tryFile('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor'),
    nofile: tryCommand('sh', ['-c', 'ulimit -n']),
    pinning: describePinning(pinning),
  };
}

function describePinning({ gateway, mock, generator }: Pinning): string {
  if (gateway === undefined)
    return 'none: taskset or a second core is missing, so contestants and rig share cores';
  return `gateway alone on core ${gateway}, mock on core ${mock}, generator on core ${generator}`;
}

/** What a machine does not tell is said to be unknown; no figure depends on it. */
function tryCommand(file: string, args: readonly string[]): string {
  try {
    return execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return 'unknown';
  }
}

function tryFile(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return 'unknown';
  }
}
