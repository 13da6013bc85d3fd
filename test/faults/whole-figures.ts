/** What two replicas in this process cost while others ask them: time of the processor, lines of the log, queries. */
import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Client } from 'pg';
import type { SeenLoad } from './load-facts.ts';
import type { WholeRig } from './whole-rig.ts';

export interface Figures extends SeenLoad {
  readonly cpuMsOfRequest: number;
  readonly logBytesOfRequest: number;
  /** Of PostgreSQL; none where it could not be asked. */
  readonly queriesOfRequest: number;
}

export interface FigureTaker {
  /** Since it was called last. */
  take(seen: SeenLoad): Promise<Figures>;
}

/** Needs a server with `pg_stat_statements`. */
export async function openFigureTaker(rig: WholeRig): Promise<FigureTaker> {
  await ask(rig.store, 'create extension if not exists pg_stat_statements');
  let before = await takeAll(rig);
  return {
    take: async (seen) => {
      const now = await takeAll(rig);
      const requests = Math.max(1, seen.sent);
      const taken: Figures = {
        ...seen,
        cpuMsOfRequest: (now.cpuMs - before.cpuMs) / requests,
        logBytesOfRequest: (now.logBytes - before.logBytes) / requests,
        queriesOfRequest: (now.queries - before.queries) / requests,
      };
      before = now;
      return taken;
    },
  };
}

export function told(figures: Figures): string {
  const { sent, forMs, middleMs, p99Ms, slowestMs } = figures;
  return [
    `${Math.round((sent * 1000) / forMs)}/s`,
    `${middleMs.toFixed(1)} ms, p99 ${p99Ms.toFixed(0)}, slowest ${slowestMs.toFixed(0)}`,
    `CPU ${figures.cpuMsOfRequest.toFixed(2)} ms`,
    `log ${Math.round(figures.logBytesOfRequest)} B`,
    `queries ${figures.queriesOfRequest.toFixed(3)} a request`,
  ].join(', ');
}

export interface BeforeAndAfter {
  readonly before: Figures;
  readonly later: Figures;
}

/** Over all looks: what a request cost, and how long the middle one of the looks took. */
export function together(looks: readonly BeforeAndAfter[]) {
  const both = (of: (figures: readonly Figures[]) => number): readonly [before: number, later: number] => [
    of(looks.map(({ before }) => before)),
    of(looks.map(({ later }) => later)),
  ];
  return { cpuMs: both(costOf), middleMs: both(middleOf) };
}

function costOf(figures: readonly Figures[]): number {
  const requests = figures.reduce((sum, { sent }) => sum + sent, 0);
  return figures.reduce((sum, { cpuMsOfRequest, sent }) => sum + cpuMsOfRequest * sent, 0) / requests;
}

function middleOf(figures: readonly Figures[]): number {
  const sorted = figures.map(({ middleMs }) => middleMs).toSorted((one, other) => one - other);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/**
 * What the heap of this process holds once its garbage is gone, without the lines that the replicas' log is kept in here. What
 * the process takes of the machine tells less: between two collections it is a few hundred MB of garbage, and V8 gives that back late.
 */
export function heldBytes({ replicas }: WholeRig): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  const bytes = (lines: readonly string[]) => lines.reduce((sum, line) => sum + line.length, 0);
  // Those of exchanges are among the others.
  const kept = replicas.reduce((sum, { lines }) => sum + bytes(lines), 0);
  return process.memoryUsage().heapUsed - kept;
}

/** Files and connections of this process. */
export function openFiles(): number {
  return readdirSync('/proc/self/fd').length;
}

async function takeAll(rig: WholeRig) {
  const { user, system } = process.cpuUsage();
  const lines = rig.replicas.flatMap((replica) => replica.lines);
  return {
    cpuMs: (user + system) / 1000,
    logBytes: lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0),
    queries: await queriesOf(rig.store),
  };
}

async function queriesOf(store: string): Promise<number> {
  const sql = `select coalesce(sum(calls), 0) as calls from pg_stat_statements
    where dbid = (select oid from pg_database where datname = current_database())`;
  return Number((await ask(store, sql))[0]?.['calls']);
}

async function ask(store: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: store, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}
