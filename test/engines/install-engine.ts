/** Installs the llama.cpp engine's own packages when they are missing; later calls find them and return at once. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const root = join(import.meta.dirname, '../..');
export const engineFolder = join(root, 'engines/llamacpp');
const lockFile = join(root, '.tmp/install-llamacpp.lock');

/** Test files run in processes of their own, so several may arrive here at the same time. */
export async function installEngine(): Promise<void> {
  while (!isInstalled()) {
    if (takeLock()) {
      try {
        if (!isInstalled()) await runNpm();
      } finally {
        rmSync(lockFile, { force: true });
      }
    } else await wait(100);
  }
}

/** npm writes this inner lockfile last. */
function isInstalled(): boolean {
  const installed = join(engineFolder, 'node_modules/.package-lock.json');
  return existsSync(installed) && versionIn(installed) === versionIn(join(engineFolder, 'package-lock.json'));
}

function versionIn(lockfile: string): string | undefined {
  const { packages } = JSON.parse(readFileSync(lockfile, 'utf8')) as {
    packages: Record<string, { version?: string }>;
  };
  return packages['node_modules/node-llama-cpp']?.version;
}

function takeLock(): boolean {
  mkdirSync(dirname(lockFile), { recursive: true });
  try {
    writeFileSync(lockFile, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    if (!isHolderAlive()) rmSync(lockFile, { force: true });
    return false;
  }
}

function isHolderAlive(): boolean {
  try {
    const holder = Number(readFileSync(lockFile, 'utf8'));
    // The holder has the file before it has written its number into it.
    if (holder > 0) process.kill(holder, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function runNpm(): Promise<void> {
  const { command, args, shell } = findNpm();
  const npm = spawn(command, [...args, 'ci', '--ignore-scripts'], {
    cwd: engineFolder,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell,
    // What npm tells its scripts about the outer package must not reach the inner one.
    env: Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^npm_(config_|package_)/.test(name)),
    ),
  });
  const [code] = (await once(npm, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`npm ci in engines/llamacpp ended with ${code}`);
}

/** The npm that runs us, else the one beside this Node, else the one on the path. */
function findNpm(): { command: string; args: readonly string[]; shell: boolean } {
  const beside = join(dirname(process.execPath), '../lib/node_modules/npm/bin/npm-cli.js');
  const besideOnWindows = join(dirname(process.execPath), 'node_modules/npm/bin/npm-cli.js');
  const script = [process.env['npm_execpath'] ?? '', beside, besideOnWindows].find(
    (path) => path.endsWith('npm-cli.js') && existsSync(path),
  );
  if (script !== undefined) return { command: process.execPath, args: [script], shell: false };
  return { command: 'npm', args: [], shell: process.platform === 'win32' };
}
