/**
 * Scheduling in virtual time: `node bench/fleet.ts [REQUESTS] [CELL,…]`. Policies, scheduler and learnt times are the gateway's own;
 * only servers, clients and the clock are made up. The same seed gives the same figures on every machine.
 * Results are written to bench/results/, and it exits with 1 when a goal is missed.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { choosePinning } from './child.ts';
import { describeEnvironment } from './environment.ts';
import { fleetCells } from './fleet/all.ts';
import type { CellTable, FleetCell } from './fleet/cell.ts';

const count = Number(process.argv[2] ?? 60_000);
const names = process.argv[3]?.split(',');
const seed = 7;

const lines = [`# Scheduling in virtual time, ${new Date().toISOString().slice(0, 10)}`, ''];
const { commit, node } = describeEnvironment(choosePinning());
lines.push(`\`node bench/fleet.ts ${count}\`, seed ${seed}, at ${commit}, Node ${node}.`, '');
let isMet = true;
for (const cell of fleetCells.filter(({ name }) => names?.includes(name) ?? true)) {
  const table = await cell.measure({ count, seed });
  isMet &&= table.goals.every((goal) => goal.isMet);
  const rendered = renderCell(cell, table);
  console.log(rendered.join('\n'));
  lines.push(...rendered);
}
if (names === undefined) {
  const path = join(import.meta.dirname, 'results', `${new Date().toISOString().slice(0, 10)}-fleet.md`);
  writeFileSync(path, `${lines.join('\n').trimEnd()}\n`);
}
process.exitCode = isMet ? 0 : 1;

function renderCell({ name, title, about }: FleetCell, { columns, rows, goals }: CellTable): string[] {
  const line = (fields: readonly string[]) => `| ${fields.join(' | ')} |`;
  const rule = (fields: readonly string[]) => line(fields.map((_, index) => (index === 0 ? '---' : '--:')));
  const goalColumns = ['', 'goal', 'found', ''];
  const judged = goals.map(({ text, bound, found, isMet: met }) => [
    text,
    bound,
    found.toFixed(3),
    met ? 'met' : '**missed**',
  ]);
  return [
    `## ${title} (\`${name}\`)`,
    '',
    about,
    '',
    line(columns),
    rule(columns),
    ...rows.map(line),
    '',
    line(goalColumns),
    rule(goalColumns),
    ...judged.map(line),
    '',
  ];
}
