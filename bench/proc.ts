// What a process and its children have used, from Linux's own books.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface Usage {
  readonly cpuMs: number;
  readonly rssKb: number;
}

interface Row {
  readonly parent: number;
  readonly ticks: number;
}

export const msPerTick = 1000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** User and system time and resident memory, summed over the process and everything it started that still lives. */
export function usageOfTree(rootId: number): Usage {
  const rows = readRows();
  let cpuMs = 0;
  let rssKb = 0;
  for (const [id, row] of rows) {
    if (!isWithin(rows, id, rootId)) continue;
    cpuMs += row.ticks * msPerTick;
    rssKb += rssOf(id);
  }
  return { cpuMs, rssKb };
}

function readRows(): Map<number, Row> {
  const rows = new Map<number, Row>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = readOrGone(`/proc/${entry}/stat`);
    if (stat !== '') rows.set(Number(entry), { parent: Number(fieldsOf(stat)[1]), ticks: ticksIn(stat) });
  }
  return rows;
}

/** Of a process, or of one thread of it. */
export function ticksIn(stat: string): number {
  const fields = fieldsOf(stat);
  return Number(fields[11]) + Number(fields[12]);
}

/** The name stands in brackets and may hold anything, even a bracket: fields count from the last one. */
function fieldsOf(stat: string): readonly string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function isWithin(rows: ReadonlyMap<number, Row>, id: number, rootId: number): boolean {
  for (let at: number | undefined = id; at !== undefined && at > 1; at = rows.get(at)?.parent) {
    if (at === rootId) return true;
  }
  return false;
}

function rssOf(id: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readOrGone(`/proc/${id}/status`))?.[1] ?? 0);
}

/** A process may end between two looks; then it has no row. */
function readOrGone(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ESRCH') return '';
    throw error;
  }
}
