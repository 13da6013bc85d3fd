/**
 * The fleet in one table: `node bench/fleet.ts [REQUESTS] [CELL,…]`. First in virtual time: policies, scheduler and learnt times
 * are the gateway's own; only servers, clients and the clock are made up, and the same seed gives the same figures on every
 * machine. Then what only a real clock can show. Results are written to bench/results/, and it exits with 1 when a goal is missed.
 */
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { choosePinning } from './child.ts';
import { describeEnvironment } from './environment.ts';
import { fleetCells } from './fleet/all.ts';
import { measureReal, realCells } from './fleet/in-real-time.ts';
import type { GoalResult } from './results.ts';

const count = Number(process.argv[2] ?? 60_000);
const names = process.argv[3]?.split(',');
const seed = 7;

/** Which hardware, slots and model a ratio was measured with: the hardware is named above all of them. */
const servers =
  'Servers are made up, with the slots that stand beside each figure, and so are their models: an answer takes as long as the request says, on any ' +
  'hardware. Only sequences are decoded together by a real engine, llama.cpp on this CPU, whose slots, threads and model that section names.';

const isAsked = ({ name }: { readonly name: string }) => names?.includes(name) ?? true;
const sections: string[] = [];
const found: GoalResult[] = [];

for (const cell of fleetCells.filter(isAsked)) {
  const { columns, rows, goals } = await cell.measure({ count, seed });
  show(`${cell.title} (\`${cell.name}\`)`, [cell.about, '', ...tableOf(columns, rows)], goals);
}
for (const cell of realCells.filter(isAsked)) {
  const { output, goals } = await measureReal(cell);
  show(`${cell.title} (\`bench/${cell.name}.ts\`)`, ['```text', output, '```'], goals);
}
if (names === undefined) write();
process.exitCode = found.every(({ isMet }) => isMet) ? 0 : 1;

function show(title: string, body: readonly string[], goals: readonly GoalResult[]): void {
  const section = [`## ${title}`, '', ...body, '', ...goalsTable(goals), ''];
  console.log(section.join('\n'));
  sections.push(...section);
  found.push(...goals);
}

function write(): void {
  const day = new Date().toISOString().slice(0, 10);
  const { commit, node, cores, cpu } = describeEnvironment(choosePinning());
  const from = `\`node bench/fleet.ts ${count}\`, seed ${seed}, at ${commit}, Node ${node}, ${cores} shared cores (${cpu}), load average ${loadavg()[0]?.toFixed(1)} at the end.`;
  const lines = [`# The fleet, ${day}`, '', from, '', servers, '', ...goalsTable(found), '', ...sections];
  writeFileSync(join(import.meta.dirname, 'results', `${day}-fleet.md`), `${lines.join('\n').trimEnd()}\n`);
}

function goalsTable(goals: readonly GoalResult[]): string[] {
  const rows = goals.map(({ text, bound, found, isMet }) => [
    text,
    bound,
    Number.isInteger(found) ? String(found) : found.toFixed(3),
    isMet ? 'met' : '**missed**',
  ]);
  return tableOf(['', 'goal', 'found', ''], rows);
}

function tableOf(columns: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (fields: readonly string[]) => `| ${fields.join(' | ')} |`;
  const rule = line(columns.map((_, index) => (index === 0 ? '---' : '--:')));
  return [line(columns), rule, ...rows.map(line)];
}
