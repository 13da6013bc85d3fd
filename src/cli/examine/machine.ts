/** The runtime, the limits of this process, and the folder that the gateway keeps its state in. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import manifest from '../../../package.json' with { type: 'json' };
import type { Config } from '../../config/schema.ts';
import { bad, type Diagnosis, ok, warn } from './finding.ts';

export function examineRuntime(running = process.versions.node): Diagnosis {
  const wanted = manifest.engines.node.replace(/^\D*/, '');
  const area = 'runtime';
  if (!isOlder(running, wanted)) return ok(area, `Node ${running}`);
  return bad(
    area,
    `Node ${running} is older than ${wanted}`,
    'start by `npm start`, which brings its own, or update Node',
  );
}

function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = than.split('.').map(Number);
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor);
}

/** Files that are no connection: modules, logs, the spool, listeners, pipes. */
const otherFiles = 100;

export function examineFileLimit(config: Config, limit = openFilesMax()): Diagnosis {
  const area = 'open files';
  const upstreams = Object.values(config.upstreams).map((upstream) =>
    'connections' in upstream ? upstream.connections : 0,
  );
  const { connectionsMax } = config.listen;
  const wanted = connectionsMax + upstreams.reduce((sum, connections) => sum + connections, 0) + otherFiles;
  if (limit === undefined) return ok(area, 'this system does not tell its limit');
  if (limit >= wanted) return ok(area, `${limit} allowed, ${wanted} needed at most`);
  return warn(
    area,
    `${limit} allowed, but ${connectionsMax} clients and their upstreams may need ${wanted}`,
    `ulimit -n ${wanted} before the start, or listen.connectionsMax: ${Math.max(1, limit - (wanted - connectionsMax))}`,
  );
}

function openFilesMax(): number | undefined {
  // Looking up the names of open sockets would take seconds.
  Object.assign(process.report, { excludeNetwork: true });
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft?: unknown } } };
  const soft = report.userLimits?.open_files?.soft;
  if (soft === 'unlimited') return Number.POSITIVE_INFINITY;
  return typeof soft === 'number' ? soft : undefined;
}

const secretFiles: readonly string[] = ['admin-token', 'client-key'];

export async function examineData(folder: string): Promise<Diagnosis[]> {
  const area = 'data folder';
  const facts = await factsOf(folder);
  if (facts === undefined) return [await examineParent(folder)];
  if (!facts.isDirectory()) return [bad(area, `${folder} is not a folder`, 'name another: data: FOLDER')];
  if (!(await mayWrite(folder))) {
    return [bad(area, `this user may not write ${folder}`, `chown -R "$(id -un)" ${folder}`)];
  }
  const open = await Promise.all(['', ...secretFiles].map((name) => examineMode(join(folder, name), area)));
  const found = open.filter((diagnosis) => diagnosis !== undefined);
  return found.length > 0 ? found : [ok(area, `${folder}, for its owner alone`)];
}

async function examineParent(folder: string): Promise<Diagnosis> {
  let parent = dirname(folder);
  while ((await factsOf(parent)) === undefined && dirname(parent) !== parent) parent = dirname(parent);
  return (await mayWrite(parent))
    ? ok('data folder', `${folder} will be made at the first start`)
    : bad(
        'data folder',
        `${folder} cannot be made: this user may not write ${parent}`,
        'name another: data: FOLDER',
      );
}

/** Windows has no such modes: what it tells there means nothing. */
async function examineMode(path: string, area: string): Promise<Diagnosis | undefined> {
  const facts = process.platform === 'win32' ? undefined : await factsOf(path);
  if (facts === undefined || (facts.mode & 0o077) === 0) return undefined;
  const mode = facts.isDirectory() ? '700' : '600';
  const written = (facts.mode & 0o022) !== 0;
  const says = `${path} may be ${written ? 'written' : 'read'} by others than its owner (mode ${(facts.mode & 0o777).toString(8)})`;
  const mend = `chmod ${mode} ${path}`;
  // Who may write the folder may put secrets of their own into it, as if they had written the files.
  return facts.isDirectory() && !written ? warn(area, says, mend) : bad(area, says, mend);
}

async function factsOf(path: string) {
  try {
    return await stat(path);
  } catch {
    // Not there, or not to be seen by this user: the folder above is examined in its place.
    return undefined;
  }
}

async function mayWrite(path: string): Promise<boolean> {
  return await access(path, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
}
