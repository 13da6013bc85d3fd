// A run as Markdown.
import type { Cell, Figure } from './cells/cell.ts';
import type { Environment } from './environment.ts';
import type { CellResult, ContestantFigures, GoalResult } from './results.ts';
import type { Spread } from './statistics.ts';

export interface Run {
  readonly name: string;
  readonly environment: Environment;
  readonly rounds: number;
  readonly tookS: number;
  /** Name → what was measured. */
  readonly contestants: Readonly<Record<string, string>>;
  /** Name → why it did not take part. */
  readonly skipped: Readonly<Record<string, string>>;
  readonly notes: readonly string[];
  readonly goals: readonly GoalResult[];
  readonly cells: readonly CellResult[];
}

export function renderRun(run: Run, cells: readonly Cell[]): string {
  const { environment } = run;
  const lines = [
    `# Benchmark: ${run.name}, ${environment.date.slice(0, 10)}`,
    '',
    `Medians of ${run.rounds} interleaved rounds in random order, quartiles in brackets. ${run.tookS.toFixed(0)} s in all.`,
    '',
    ...Object.entries(run.contestants).map(([name, text]) => `- **${name}**: ${text}`),
    ...Object.entries(run.skipped).map(([name, reason]) => `- **${name}** was skipped: ${reason}`),
    ...run.notes.map((note) => `- ${note}`),
    '',
    ...table(
      ['', ''],
      Object.entries(environment).map(([name, value]) => [name, String(value)]),
    ),
    ...renderGoals(run.goals),
    ...cells.flatMap((cell) => {
      const result = run.cells.find((candidate) => candidate.cell === cell.name);
      return result === undefined ? [] : renderCell(cell, result);
    }),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

function renderGoals(goals: readonly GoalResult[]): string[] {
  if (goals.length === 0) return [];
  const rows = goals.map(({ text, bound, found, isMet }) => [
    text,
    bound,
    short(found),
    isMet ? 'met' : '**missed**',
  ]);
  return ['## Goals', '', ...table(['', 'goal', 'found', ''], rows)];
}

function renderCell(cell: Cell, result: CellResult): string[] {
  const columns = cell.figures.flatMap((figure) => columnsOf(figure));
  const rows = Object.entries(result.figures).map(([name, figures]) => [
    name,
    ...columns.map(({ show }) => show(figures)),
  ]);
  return [
    `## ${cell.title} (\`${cell.name}\`)`,
    '',
    cell.about,
    '',
    ...table(['', ...columns.map(({ title }) => title)], rows),
    ...result.notes.map((note) => `- ${note}`),
    ...(result.notes.length > 0 ? [''] : []),
  ];
}

interface Column {
  readonly title: string;
  readonly show: (figures: ContestantFigures) => string;
}

function columnsOf(figure: Figure): Column[] {
  const { key, label, unit, digits, isAdded = false, hasRatio = false } = figure;
  const unitText = unit === '' ? '' : `, ${unit}`;
  const ratio = (value: number | undefined) => (value === undefined ? '' : `${value.toFixed(2)}×`);
  return [
    { title: `${label}${unitText}`, show: ({ values }) => showSpread(values[key], digits) },
    ...(isAdded
      ? [{ title: 'added', show: ({ added }: ContestantFigures) => showSpread(added[key], digits) }]
      : []),
    ...(hasRatio
      ? [
          { title: '÷ floor', show: ({ toFloor }: ContestantFigures) => ratio(toFloor[key]) },
          { title: '÷ Portkey', show: ({ toPortkey }: ContestantFigures) => ratio(toPortkey[key]) },
        ]
      : []),
  ];
}

function showSpread(spread: Spread | undefined, digits: number): string {
  if (spread === undefined) return '';
  const show = (value: number) =>
    value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  if (spread.rounds === 1) return show(spread.median);
  return `${show(spread.median)} (${show(spread.lower)}–${show(spread.upper)})`;
}

function short(value: number): string {
  return value.toLocaleString('en', { maximumSignificantDigits: 3 });
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (fields: readonly string[]) => `| ${fields.join(' | ')} |`;
  const rule = head.map((_title, index) => (index === 0 ? '---' : '--:'));
  return [line(head), line(rule), ...rows.map(line), ''];
}
