/** Installs the llama.cpp engine's own packages when they are missing; later calls find them and return at once. */
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '../..');
export const engineFolder = join(root, 'engines/llamacpp');
const installed = join(engineFolder, 'node_modules');
const stagingFolder = join(root, '.tmp');
/** Of the slowest line that is still worth waiting for; npm alone would try for much longer. */
const npmMsMax = 300_000;

/**
 * Test files run in processes of their own, so several may arrive here at the same time. Each installs into a folder
 * of its own and moves the whole into place: nobody waits for another, and nobody finds half of it.
 */
export async function installEngine(): Promise<void> {
  if (isInstalled()) return;
  mkdirSync(stagingFolder, { recursive: true });
  const staging = mkdtempSync(join(stagingFolder, 'llamacpp-'));
  try {
    for (const file of ['package.json', 'package-lock.json', '.npmrc']) {
      copyFileSync(join(engineFolder, file), join(staging, file));
    }
    console.log('installing the llama.cpp engine for its tests, which takes a while on a new machine');
    await runNpm(staging);
    moveIn(staging);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  if (!isInstalled()) throw new Error('the llama.cpp engine was installed, and is not there');
}

/** npm writes this inner lockfile last. */
function isInstalled(): boolean {
  const inner = join(installed, '.package-lock.json');
  return existsSync(inner) && versionIn(inner) === versionIn(join(engineFolder, 'package-lock.json'));
}

function versionIn(lockfile: string): string | undefined {
  const { packages } = JSON.parse(readFileSync(lockfile, 'utf8')) as {
    packages: Record<string, { version?: string }>;
  };
  return packages['node_modules/node-llama-cpp']?.version;
}

/** What is there is another version or half of one, unless another process was faster: then its own is as good. */
function moveIn(staging: string): void {
  if (isInstalled()) return;
  if (existsSync(installed)) renameSync(installed, join(staging, 'replaced'));
  try {
    renameSync(join(staging, 'node_modules'), installed);
  } catch (error) {
    if (!isInstalled()) throw error;
  }
}

async function runNpm(folder: string): Promise<void> {
  const { command, args, shell } = findNpm();
  const npm = promisify(execFile)(command, [...args, 'ci', '--ignore-scripts'], {
    cwd: folder,
    shell,
    // What npm tells its scripts about the outer package must not reach the inner one.
    env: Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^npm_(config_|package_)/.test(name)),
    ),
    timeout: npmMsMax,
    killSignal: 'SIGKILL',
  });
  npm.child.stdin?.end();
  await npm.catch((cause: Error & { killed?: boolean; stderr?: string }) => {
    const why = cause.killed === true ? `did not end within ${npmMsMax / 1000} s` : 'failed';
    throw new Error(`npm ci for engines/llamacpp ${why}: ${cause.stderr ?? ''}`, { cause });
  });
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
