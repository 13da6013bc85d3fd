// From samples to figures: medians, what is added to the direct path, ratios, goals, and what makes a figure doubtful.
import type { Cell, Sample } from './cells/cell.ts';
import { type Goal, goals } from './goals.ts';
import { type Spread, spreadOf } from './statistics.ts';

/** Contestant → one sample a round; undefined where its round failed. */
export type Rounds = Readonly<Record<string, readonly (Sample | undefined)[]>>;

export interface CellResult {
  readonly cell: string;
  readonly rounds: Rounds;
  readonly figures: Readonly<Record<string, ContestantFigures>>;
  readonly notes: readonly string[];
}

export interface ContestantFigures {
  readonly values: Readonly<Record<string, Spread>>;
  readonly added: Readonly<Record<string, Spread>>;
  readonly toFloor: Readonly<Record<string, number>>;
  readonly toPortkey: Readonly<Record<string, number>>;
}

export interface GoalResult {
  readonly text: string;
  readonly bound: string;
  readonly found: number;
  readonly isMet: boolean;
}

/** Nearer than this to the rig's own limit, a rate says nothing about the contestant. */
const rigShareMax = 0.9;
/** A p50 beyond this over an upstream that answers at once is a delayed acknowledgement, not work. */
const artefactMs = 5;

export function evaluateCell(cell: Cell, rounds: Rounds): CellResult {
  const values = mapEntries(rounds, (samples) => spreads(samples));
  const figures = mapEntries(rounds, (samples, name) => ({
    values: values[name] ?? {},
    added: name === 'direct' ? {} : addedSpreads(cell, samples, rounds['direct'] ?? []),
    toFloor: name === 'direct' ? {} : ratios(cell, values[name], values['floor']),
    toPortkey: name === 'direct' ? {} : ratios(cell, values[name], values['portkey']),
  }));
  return { cell: cell.name, rounds, figures, notes: notesOf(cell, values, rounds) };
}

export function judgeGoals(results: readonly CellResult[]): GoalResult[] {
  return goals.flatMap((goal) => {
    const figures = results.find((result) => result.cell === goal.cell)?.figures['millrace'];
    const found = figures === undefined ? undefined : goalValue(goal, figures);
    if (found === undefined) return [];
    const { atMost = Number.POSITIVE_INFINITY, atLeast = Number.NEGATIVE_INFINITY } = goal;
    const bound = goal.atMost === undefined ? `≥ ${goal.atLeast}` : `≤ ${goal.atMost}`;
    return [{ text: goal.text, bound, found, isMet: found <= atMost && found >= atLeast }];
  });
}

function goalValue(goal: Goal, figures: ContestantFigures): number | undefined {
  switch (goal.of) {
    case 'itself':
      return figures.values[goal.figure]?.median;
    case 'added':
      return figures.added[goal.figure]?.median;
    case 'floor':
      return figures.toFloor[goal.figure];
    case 'portkey':
      return figures.toPortkey[goal.figure];
  }
}

function spreads(samples: readonly (Sample | undefined)[]): Record<string, Spread> {
  const keys = new Set(samples.flatMap((sample) => Object.keys(sample ?? {})));
  const found: Record<string, Spread> = {};
  for (const key of keys) {
    const spread = spreadOf(samples.flatMap((sample) => sample?.[key] ?? []));
    if (spread !== undefined) found[key] = spread;
  }
  return found;
}

/** Differences are taken within a round, because the machine is another one a minute later. */
function addedSpreads(
  cell: Cell,
  samples: readonly (Sample | undefined)[],
  direct: readonly (Sample | undefined)[],
): Record<string, Spread> {
  const found: Record<string, Spread> = {};
  for (const { key, isAdded } of cell.figures) {
    if (isAdded !== true) continue;
    const differences = samples.flatMap((sample, round) => {
      const own = sample?.[key];
      const base = direct[round]?.[key];
      return own === undefined || base === undefined ? [] : [own - base];
    });
    const spread = spreadOf(differences);
    if (spread !== undefined) found[key] = spread;
  }
  return found;
}

function ratios(
  cell: Cell,
  own: Readonly<Record<string, Spread>> | undefined,
  base: Readonly<Record<string, Spread>> | undefined,
): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { key, hasRatio } of cell.figures) {
    const [above, below] = [own?.[key]?.median, base?.[key]?.median];
    if (hasRatio === true && above !== undefined && below !== undefined && below !== 0)
      found[key] = above / below;
  }
  return found;
}

function notesOf(
  cell: Cell,
  values: Readonly<Record<string, Record<string, Spread>>>,
  rounds: Rounds,
): string[] {
  const ceiling = values['direct']?.['perSecond']?.median;
  return Object.entries(values).flatMap(([name, figures]) => {
    const doubts = [
      name === 'direct' ? undefined : rigDoubt(figures['perSecond']?.median, ceiling),
      stallDoubt(figures['slowestP50Ms']?.median),
      ...countDoubts(cell, rounds[name] ?? []),
    ];
    return doubts.flatMap((doubt) => (doubt === undefined ? [] : `${name}: ${doubt}`));
  });
}

function rigDoubt(rate: number | undefined, ceiling: number | undefined): string | undefined {
  if (rate === undefined || ceiling === undefined || rate <= rigShareMax * ceiling) return undefined;
  return `INVALID as a rate, within 10 % of what mock and generator can do (${ceiling.toFixed(0)}/s)`;
}

function stallDoubt(p50Ms: number | undefined): string | undefined {
  if (p50Ms === undefined || p50Ms < artefactMs) return undefined;
  return `STALL, a p50 of ${p50Ms.toFixed(1)} ms is a delayed acknowledgement or a gateway that cannot keep up`;
}

function countDoubts(cell: Cell, samples: readonly (Sample | undefined)[]): string[] {
  const total = (key: string) => samples.reduce((sum, sample) => sum + (sample?.[key] ?? 0), 0);
  const doubts: string[] = [];
  const missed = samples.filter((sample) => sample === undefined).length;
  if (missed > 0) doubts.push(`${missed} rounds could not be measured`);
  if (total('failed') > 0) {
    const keys = new Set(samples.flatMap((sample) => Object.keys(sample ?? {})));
    const kinds = [...keys].filter((key) => key.startsWith('failed.'));
    doubts.push(
      `${total('failed')} failed requests (${kinds.map((key) => `${key.slice(7)} ${total(key)}`).join(', ')})`,
    );
  }
  if (cell.requestsMin !== undefined && total('requests') < cell.requestsMin) {
    doubts.push(`only ${total('requests')} requests, fewer than ${cell.requestsMin}`);
  }
  return doubts;
}

function mapEntries<T, U>(
  record: Readonly<Record<string, T>>,
  act: (value: T, key: string) => U,
): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, act(value, key)]));
}
