import { policyNames } from '../../src/routing/policies/registry.ts';
import type { GoalResult } from '../results.ts';
import { type BinderName, binders, boundEarly, centralQueue, createBinder } from './bound-early.ts';
import type { FleetCell } from './cell.ts';
import { createJobs, unevenServers } from './jobs.ts';
import type { Outcome } from './outcome.ts';
import { type RunOptions, runJobs } from './run-jobs.ts';

const loads = [0.5, 0.7, 0.85, 0.95];
const ratioMax = 1.1;
const autoRow = 'auto';
const binderNames = Object.keys(binders) as BinderName[];

export const balancing: FleetCell = {
  name: 'balancing',
  title: 'Three uneven servers',
  about:
    'Servers of 4 slots × speed 1, 2 × 0.6 and 1 × 0.3; work of mean 2 s (lognormal, CV 1.5), Poisson arrivals. Mean / p99 ' +
    'from arrival to end, in seconds. The central queue knows the true speeds; what is bound at arrival grows without ' +
    'end where a server gets more than it can do, and its figures only say that.',
  measure: async ({ count, seed }) => {
    const rows = new Map<string, string[]>();
    const goals: GoalResult[] = [];
    for (const load of loads) {
      const jobs = createJobs({ servers: unevenServers, load, count, seed });
      const outcomes = new Map<string, Outcome>([
        ['central queue, true speeds', await centralQueue(jobs, unevenServers)],
      ]);
      for (const [name, options] of runs)
        outcomes.set(name, await runJobs(jobs, { servers: unevenServers, ...options }));
      for (const name of binderNames) {
        outcomes.set(
          `bound at arrival: ${name}`,
          await boundEarly(jobs, unevenServers, createBinder(name, seed)),
        );
      }
      for (const [name, outcome] of outcomes) rows.set(name, [...(rows.get(name) ?? [name]), shown(outcome)]);
      const found = (outcomes.get(autoRow)?.p99Ms ?? 0) / ([...outcomes.values()][0]?.p99Ms ?? 0);
      goals.push({
        text: `p99 of \`auto\` at load ${load}, of the central queue’s`,
        bound: `≤ ${ratioMax}`,
        found,
        isMet: found <= ratioMax,
      });
    }
    return { columns: ['', ...loads.map((load) => `load ${load}`)], rows: [...rows.values()], goals };
  },
};

const runs: readonly (readonly [string, Omit<RunOptions, 'servers'>])[] = [
  [autoRow, { policy: 'auto', knowsTokens: true }],
  ['auto, where nobody tells tokens', { policy: 'auto', knowsTokens: false }],
  // The order of the servers is that of their speeds, which would be an answer and not a policy.
  ...policyNames
    .filter((policy) => policy !== 'auto' && policy !== 'priority')
    .map((policy) => [policy, { policy, knowsTokens: true }] as const),
];

function shown({ meanMs, p99Ms }: Outcome): string {
  return `${(meanMs / 1_000).toFixed(2)} / ${(p99Ms / 1_000).toFixed(1)}`;
}
