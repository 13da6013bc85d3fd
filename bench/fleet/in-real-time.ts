// The rows of the fleet's table that only a real clock can show: scripts of their own, which say what they found of their goals.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { GoalResult } from '../results.ts';
import { readGoals, withoutGoals } from '../tell-goal.ts';

export interface RealCell {
  readonly name: string;
  readonly title: string;
}

export const realCells: readonly RealCell[] = [
  { name: 'fleet-sockets', title: 'Uneven servers over sockets, beside nginx' },
  { name: 'fleet-in-short', title: 'The cells of virtual time over sockets, in short' },
  { name: 'killed-server', title: 'One of three servers killed at full load' },
  { name: 'amplification', title: 'Everything fails' },
  { name: 'embeddings', title: 'Embeddings sent together' },
  { name: 'decoding', title: 'Sequences decoded together' },
  { name: 'schedule', title: 'What scheduling costs' },
  { name: 'workers', title: 'Two workers' },
];

export interface RealTable {
  /** What it printed. */
  readonly output: string;
  readonly goals: readonly GoalResult[];
}

/** Beyond it a script has failed. */
const cellMsMax = 600_000;

export async function measureReal({ name }: RealCell): Promise<RealTable> {
  const script = join(import.meta.dirname, '..', `${name}.ts`);
  const child = spawn(process.execPath, [script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: cellMsMax,
  });
  const pieces: Buffer[] = [];
  for await (const piece of child.stdout as AsyncIterable<Buffer>) pieces.push(piece);
  const output = Buffer.concat(pieces).toString();
  const goals = readGoals(output);
  if (goals.length === 0) throw new Error(`bench/${name}.ts said nothing of its goals:\n${output}`);
  return { output: withoutGoals(output), goals };
}
