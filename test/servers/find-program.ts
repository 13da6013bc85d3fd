/** Where a machine may have the servers, and whether what is there is new enough. */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export type ServerKind = 'redis' | 'postgres';

interface Program {
  /** Any of these will do, in this order. */
  readonly names: readonly string[];
  /** What must lie beside it. */
  readonly beside: readonly string[];
  readonly majorMin: number;
  /** Folders beyond PATH: where Debian, Ubuntu and Homebrew put it. Of several the last in order is the newest. */
  readonly folders: readonly string[];
}

export const programs: Readonly<Record<ServerKind, Program>> = {
  redis: {
    names: ['redis-server', 'valkey-server'],
    beside: [],
    majorMin: 7,
    folders: ['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin', '/opt/homebrew/opt/{redis,valkey}*/bin'],
  },
  postgres: {
    names: ['postgres'],
    beside: ['initdb'],
    majorMin: 14,
    folders: [
      '/usr/lib/postgresql/*/bin',
      '/usr/local/opt/postgresql@*/bin',
      '/opt/homebrew/opt/postgresql@*/bin',
      '/Applications/Postgres.app/Contents/Versions/*/bin',
    ],
  },
};

export interface Found {
  readonly path: string;
  readonly version: string;
}

/** The first that is new enough, from PATH before any other folder. */
export function findProgram(kind: ServerKind): Found | undefined {
  const { names, beside, majorMin, folders } = programs[kind];
  const onPath = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder.startsWith('/'));
  const elsewhere = folders.flatMap((folder) => globSync(folder).sort(byNumbers).reverse());
  for (const folder of [...onPath, ...elsewhere]) {
    if (beside.some((name) => globSync(join(folder, name)).length === 0)) continue;
    for (const path of names.flatMap((name) => globSync(join(folder, name)))) {
      const version = versionOf(path);
      if (version !== undefined && majorOf(version) >= majorMin) return { path, version };
    }
  }
  return undefined;
}

function byNumbers(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

/** `Redis server v=7.0.15 sha=…`, `Valkey server v=8.1.1 …` or `postgres (PostgreSQL) 15.14 (…)`. */
function versionOf(path: string): string | undefined {
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 10_000 });
  return /(?:v=|PostgreSQL\) )(\d+[.\w]*)/.exec(stdout ?? '')?.[1];
}

function majorOf(version: string): number {
  return Number.parseInt(version, 10);
}
