// `npm run bench`: all contestants in one run, interleaved in random order; results go to bench/results/.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { cells } from './cells/all.ts';
import type { Cell, Sample } from './cells/cell.ts';
import { choosePinning, type Pinning } from './child.ts';
import type { Contestant } from './contestants/contestant.ts';
import { floor } from './contestants/floor.ts';
import { millrace } from './contestants/millrace.ts';
import { nginx } from './contestants/nginx.ts';
import { portkey } from './contestants/portkey.ts';
import { describeEnvironment } from './environment.ts';
import { renderFlatLines } from './flat-lines.ts';
import { type Run, renderRun } from './report.ts';
import { type CellResult, evaluateCell, judgeGoals } from './results.ts';
import { Rig, type Running } from './rig.ts';
import { shuffled } from './statistics.ts';

const contestants: readonly Contestant[] = [millrace, floor, nginx, portkey];
const resultsFolder = join(import.meta.dirname, 'results');

const help = `npm run bench -- [options]

  --quick           three short rounds of the main cells, in 90 s
  --only NAME,…     these cells alone, of: ${cells.map(({ name }) => name).join(', ')}
  --against NAME,…  these contestants alone, of: ${contestants.map(({ name }) => name).join(', ')}
  --rounds N        instead of 7, or 3 with --quick
  --json            prints the results as JSON
  --help            this text

Results are written to bench/results/ as JSON and Markdown. It exits with 1 when Millrace could not be measured.`;

interface Plan {
  readonly name: string;
  readonly cells: readonly Cell[];
  readonly contestants: readonly Contestant[];
  readonly rounds: number;
  readonly isQuick: boolean;
  readonly deadlineAt: number;
  readonly say: (line: string) => void;
}

/** A running contestant and how to start another of its kind. */
interface Entrant {
  readonly running: Running;
  readonly startAnother: (() => Promise<Running>) | undefined;
}

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    against: { type: 'string' },
    rounds: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (flags.help) console.log(help);
else await main(makePlan());

function makePlan(): Plan {
  const isQuick = flags.quick;
  const rounds = Number(flags.rounds ?? (isQuick ? 3 : 7));
  if (!(Number.isInteger(rounds) && rounds > 0))
    throw new RangeError('--rounds takes a whole number above 0');
  const chosen = flags.only === undefined ? undefined : pick(cells, flags.only, 'cell');
  return {
    name: flags.only?.replaceAll(',', '+') ?? (isQuick ? 'quick' : 'full'),
    cells: chosen ?? cells.filter((cell) => (isQuick ? cell.isQuick : cell.isDefault)),
    contestants: flags.against === undefined ? contestants : pick(contestants, flags.against, 'contestant'),
    rounds,
    isQuick,
    deadlineAt: performance.now() + (isQuick ? 80_000 : 510_000),
    // With --json the results alone go to the output.
    say: (line) => (flags.json ? console.error(line) : console.log(line)),
  };
}

function pick<T extends { readonly name: string }>(all: readonly T[], names: string, kind: string): T[] {
  return names.split(',').map((name) => {
    const found = all.find((candidate) => candidate.name === name);
    if (found !== undefined) return found;
    throw new RangeError(`there is no ${kind} ${name}; there are ${all.map((one) => one.name).join(', ')}`);
  });
}

async function main(plan: Plan): Promise<void> {
  const startedAt = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  const pinning = choosePinning();
  pinSelf(pinning);
  const rig = await Rig.open(folder, pinning);
  const entrants = new Map<string, Entrant>();
  process.once('SIGINT', () => void stopAll(rig, entrants, folder).then(() => process.exit(130)));
  try {
    const skipped = await enter(plan, rig, entrants);
    const notes: string[] = [];
    const results = await measureAll(plan, { rig, entrants, notes });
    const run: Run = {
      name: plan.name,
      environment: describeEnvironment(pinning),
      rounds: plan.rounds,
      tookS: (performance.now() - startedAt) / 1000,
      contestants: describeEntrants(plan, entrants),
      skipped,
      notes,
      goals: judgeGoals(results),
      cells: results,
    };
    write(run, plan);
    if (skipped['millrace'] !== undefined) process.exitCode = 1;
  } finally {
    await stopAll(rig, entrants, folder);
  }
}

/** The orchestrator's own work must not disturb the gateway's core either. */
function pinSelf({ generator }: Pinning): void {
  if (generator === undefined) return;
  execFileSync('taskset', ['-cp', String(generator), String(process.pid)], { stdio: 'ignore' });
}

/** Starts everyone; answers who could not and why. */
async function enter(plan: Plan, rig: Rig, entrants: Map<string, Entrant>): Promise<Record<string, string>> {
  const skipped: Record<string, string> = {};
  if (plan.cells.some((cell) => cell.hasDirect))
    entrants.set('direct', { running: rig.direct, startAnother: undefined });
  for (const contestant of plan.contestants) {
    const reason = contestant.missing() ?? (await tryToEnter(contestant, rig, entrants));
    if (reason === undefined) continue;
    skipped[contestant.name] = reason;
    plan.say(`${contestant.name} is skipped: ${reason}`);
  }
  return skipped;
}

async function tryToEnter(
  contestant: Contestant,
  rig: Rig,
  entrants: Map<string, Entrant>,
): Promise<string | undefined> {
  try {
    const running = await rig.start(contestant);
    entrants.set(contestant.name, { running, startAnother: () => rig.start(contestant) });
    await rig.warmUp(running);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

interface Field {
  readonly rig: Rig;
  readonly entrants: ReadonlyMap<string, Entrant>;
  readonly notes: string[];
}

async function measureAll(plan: Plan, field: Field): Promise<CellResult[]> {
  const results: CellResult[] = [];
  for (const cell of plan.cells) {
    const startedAt = performance.now();
    results.push(await measureCell(cell, plan, field));
    plan.say(`${cell.name}: ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  }
  return results;
}

async function measureCell(cell: Cell, plan: Plan, { rig, entrants, notes }: Field): Promise<CellResult> {
  const rounds = Math.min(plan.rounds, cell.roundsMax ?? plan.rounds);
  const present = [...entrants].filter(([name]) => name !== 'direct' || cell.hasDirect);
  const samples: Record<string, (Sample | undefined)[]> = {};
  for (const [name] of present) samples[name] = [];
  for (let round = 0; round < rounds; round += 1) {
    if (performance.now() > plan.deadlineAt) {
      notes.push(`${cell.name}: only ${round} of ${rounds} rounds, because the run's time was over`);
      break;
    }
    for (const [name, { running, startAnother }] of shuffled(present)) {
      const context = { rig, target: running, isQuick: plan.isQuick, startAnother };
      samples[name]?.push(await measureOrNote(cell, context, notes));
    }
  }
  return evaluateCell(cell, samples);
}

/** A contestant that breaks down costs its own round, not the run. */
async function measureOrNote(
  cell: Cell,
  context: Parameters<Cell['measure']>[0],
  notes: string[],
): Promise<Sample | undefined> {
  try {
    return await cell.measure(context);
  } catch (error) {
    notes.push(
      `${cell.name}, ${context.target.name}: ${error instanceof Error ? error.message : String(error)}`,
    );
    return undefined;
  }
}

function describeEntrants(plan: Plan, entrants: ReadonlyMap<string, Entrant>): Record<string, string> {
  const present = plan.contestants.filter(({ name }) => entrants.has(name));
  const described = Object.fromEntries(present.map((contestant) => [contestant.name, contestant.describe()]));
  return entrants.has('direct') ? { direct: 'the mock itself, nothing between', ...described } : described;
}

function write(run: Run, plan: Plan): void {
  const markdown = renderRun(run, plan.cells);
  const json = renderFlatLines(run);
  const path = join(resultsFolder, `${run.environment.date.slice(0, 10)}-${run.name}`);
  mkdirSync(resultsFolder, { recursive: true });
  writeFileSync(`${path}.json`, json);
  writeFileSync(`${path}.md`, markdown);
  writeFileSync(join(resultsFolder, 'latest.md'), markdown);
  console.log(flags.json ? json : `\n${markdown}`);
}

async function stopAll(rig: Rig, entrants: ReadonlyMap<string, Entrant>, folder: string): Promise<void> {
  await Promise.all([...entrants.values()].map(({ running }) => running.stop()));
  await rig.close();
  rmSync(folder, { recursive: true, force: true });
}
