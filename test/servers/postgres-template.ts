/** A PostgreSQL cluster made once a run and copied for each server: `initdb` takes seconds, a copy does not. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { runCanary, runSecret } from '../run-canary.ts';
import type { Found } from './find-program.ts';
import type { User } from './guard.ts';
import { makeServerFolder } from './server-process.ts';

export interface PostgresTemplate {
  readonly cluster: string;
  /** Of its superuser `postgres`. */
  readonly password: string;
}

const templatesFolder = join(import.meta.dirname, '../../.tmp');
/** As small as they come: each server is a copy with one of them, and a test of a full disk fills more than one. */
export const logSegments = ['--wal-segsize=1'];

const initArguments = [
  '--username=postgres',
  '--auth=scram-sha-256',
  '--encoding=UTF8',
  // The one locale that every machine has.
  '--no-locale',
  // The template may be lost with the machine; what is copied from it is not.
  '--no-sync',
  ...logSegments,
];

export function openPostgresTemplate(program: Found, user: User | undefined): PostgresTemplate {
  const made = createHash('sha256').update(JSON.stringify([program, user, initArguments, runCanary]));
  const folder = join(templatesFolder, `postgres-${program.version}-${made.digest('hex').slice(0, 12)}`);
  if (!existsSync(folder)) makeTemplate(folder, program, user);
  return { cluster: join(folder, 'cluster'), password: readFileSync(join(folder, 'password'), 'utf8') };
}

export function copyCluster(template: PostgresTemplate, to: string): void {
  run(['cp', '-Rp', template.cluster, to], undefined);
}

/**
 * Has a copy follow a running server that was copied from the same template: the one's history is how the other's began.
 * The server must still have all that it wrote since it started.
 */
export function follow({ password }: PostgresTemplate, cluster: string, port: number): void {
  const primary = `host=127.0.0.1 port=${port} user=postgres password=${password}`;
  appendFileSync(join(cluster, 'postgresql.auto.conf'), `primary_conninfo = '${primary}'\n`);
  writeFileSync(join(cluster, 'standby.signal'), '');
}

/** Aside first and then in one step: whoever looks finds a whole template or none. */
function makeTemplate(folder: string, program: Found, user: User | undefined): void {
  removeOld();
  const workplace = makeServerFolder('initdb', user);
  const aside = `${folder}.${process.pid}`;
  try {
    // One of the run's secrets: it may be nowhere but in addresses (G8).
    const password = runSecret('postgres');
    const passwordFile = join(workplace, 'password');
    writeFileSync(passwordFile, password);
    const initdb = join(dirname(program.path), 'initdb');
    const cluster = join(workplace, 'cluster');
    run([initdb, ...initArguments, `--pwfile=${passwordFile}`, '-D', cluster], { user, cwd: workplace });
    mkdirSync(aside, { recursive: true, mode: 0o700 });
    writeFileSync(join(aside, 'password'), password);
    run(['cp', '-Rp', cluster, join(aside, 'cluster')], undefined);
    moveUnlessThere(aside, folder);
  } finally {
    rmSync(workplace, { recursive: true, force: true });
    rmSync(aside, { recursive: true, force: true });
  }
}

/** Longer than any run takes. */
const oldMs = 2 * 60 * 60_000;

/** Of runs that are over. */
function removeOld(): void {
  if (!existsSync(templatesFolder)) return;
  for (const name of readdirSync(templatesFolder)) {
    const folder = join(templatesFolder, name);
    const stat = statSync(folder, { throwIfNoEntry: false });
    if (!name.startsWith('postgres-') || stat === undefined) continue;
    if (Date.now() - stat.mtimeMs > oldMs) rmSync(folder, { recursive: true, force: true });
  }
}

function moveUnlessThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Another test process was faster; its template is as good.
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
}

function run(command: readonly string[], as: { user: User | undefined; cwd: string } | undefined): void {
  const [program = '', ...args] = command;
  const env = { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' };
  const ran = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: 120_000,
    env,
    ...(as && { cwd: as.cwd, ...as.user }),
  });
  if (ran.status !== 0) {
    throw new Error(`${command.join(' ')} ended with ${ran.status}:\n${ran.stdout}${ran.stderr}`, {
      cause: ran.error,
    });
  }
}
