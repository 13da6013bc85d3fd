/**
 * What of its container's memory is used, as the kernel counts it before it ends a process: this one's, its workers' and
 * its engines' together. Copies of files are left out, because the kernel drops those first.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Version {
  /** What follows the hierarchy's number in `/proc/self/cgroup`. */
  readonly controllers: (names: string) => boolean;
  readonly mounts: readonly string[];
  readonly limits: readonly string[];
  readonly usage: string;
  /** Of `memory.stat`: copies of files. */
  readonly droppable: readonly RegExp[];
}

const versions: readonly Version[] = [
  {
    controllers: (names) => names === '',
    mounts: ['sys/fs/cgroup', 'sys/fs/cgroup/unified'],
    // Above `high` the kernel slows a process down until nobody is served.
    limits: ['memory.max', 'memory.high'],
    usage: 'memory.current',
    droppable: [/^inactive_file (\d+)$/m, /^active_file (\d+)$/m],
  },
  {
    controllers: (names) => names.split(',').includes('memory'),
    mounts: ['sys/fs/cgroup/memory'],
    limits: ['memory.limit_in_bytes'],
    usage: 'memory.usage_in_bytes',
    droppable: [/^total_inactive_file (\d+)$/m, /^total_active_file (\d+)$/m],
  },
];

interface Group {
  readonly version: Version;
  readonly folder: string;
}

/** What it takes to end what is under way, and to collect what is left of it: for that to be had, nothing new may begin. */
const spareBytes = 32 * 1024 * 1024;

/** From 0 up, 1 when nothing is left but what is spared, and 0 where there is no container or it has no limit. `root` is `/`, save in tests. */
export function createContainerShare(root = '/'): (idleBytes: number) => number {
  const groups = findGroups(root);
  // A limit may be changed while we run, and so may that of a group around ours.
  return (idleBytes) => groups.reduce((most, group) => Math.max(most, usedShareOf(group, idleBytes)), 0);
}

/** Ours and those around it: each may have a limit. */
function findGroups(root: string): readonly Group[] {
  const lines = (readText(join(root, 'proc/self/cgroup')) ?? '').split('\n');
  const groups: Group[] = [];
  for (const line of lines) {
    const [, names, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    const version = versions.find(({ controllers }) => names !== undefined && controllers(names));
    if (version === undefined || path === undefined) continue;
    for (const mount of version.mounts) {
      groups.push(...foldersUpFrom(path).map((folder) => ({ version, folder: join(root, mount, folder) })));
    }
  }
  return groups.filter(({ version, folder }) => readText(join(folder, version.usage)) !== undefined);
}

/** A container may see its own group as the root, though its path says otherwise. */
function foldersUpFrom(path: string): readonly string[] {
  const parts = path.split('/').filter((part) => part !== '');
  return [...parts.map((_, index) => parts.slice(0, parts.length - index).join('/')), ''];
}

/** What this process has from the kernel and does not use at the moment is there for the next request. */
function usedShareOf({ version, folder }: Group, idleBytes: number): number {
  const limit = Math.min(
    ...version.limits.map((name) => bytesIn(join(folder, name)) ?? Number.POSITIVE_INFINITY),
  );
  // Without a limit one has `max`, the other a number beyond all memory.
  if (!(limit > 0 && limit < Number.MAX_SAFE_INTEGER)) return 0;
  const usage = bytesIn(join(folder, version.usage)) ?? 0;
  const stat = readText(join(folder, 'memory.stat')) ?? '';
  const copies = version.droppable.reduce((sum, row) => sum + Number(row.exec(stat)?.[1] ?? 0), 0);
  return Math.max(0, usage - copies - idleBytes) / Math.max(limit - spareBytes, limit / 2);
}

function bytesIn(file: string): number | undefined {
  const text = readText(file)?.trim();
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Not there, or not for us: then there is nothing to be told of it. */
function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
