import { boundEarly, createBinder } from './bound-early.ts';
import type { CellSize, FleetCell } from './cell.ts';
import { createJobs, type Job, type ServerKind, unevenServers } from './jobs.ts';
import type { Outcome } from './outcome.ts';
import { runJobs } from './run-jobs.ts';

const timesMin = 5;
const equalMin = 2.9;
const oneServer: readonly ServerKind[] = [{ slots: 4, speed: 1 }];
const threeServers = [...oneServer, ...oneServer, ...oneServer];
/** Work that is left when the last request has come, of all the time in which they came: more than that is growing. */
const backlogMax = 0.05;
const stepOfLoad = 0.02;

export const throughput: FleetCell = {
  name: 'throughput',
  title: 'Stable throughput',
  about:
    'The highest load, in steps of a fiftieth of the capacity, under which the queue is done soon after the last arrival; ' +
    'and the work of three equal servers against one, all of it there from the beginning.',
  measure: async (size) => {
    const early = await highestLoad(size, (jobs) =>
      boundEarly(jobs, unevenServers, createBinder('round robin', size.seed)),
    );
    const late = await highestLoad(size, (jobs) =>
      runJobs(jobs, { servers: unevenServers, policy: 'auto', knowsTokens: true }),
    );
    const one = await makespanMs(size, oneServer);
    const three = await makespanMs(size, threeServers);
    const [times, equal] = [late / early, one / three];
    return {
      columns: ['', 'of the capacity'],
      rows: [
        ['round robin, bound at arrival', early.toFixed(2)],
        ['auto', late.toFixed(2)],
      ],
      goals: [
        {
          text: 'stable throughput, of round robin’s',
          bound: `≥ ${timesMin}`,
          found: times,
          isMet: times >= timesMin,
        },
        {
          text: 'three equal servers, of one',
          bound: `≥ ${equalMin}`,
          found: equal,
          isMet: equal >= equalMin,
        },
      ],
    };
  },
};

async function highestLoad(
  { count, seed }: CellSize,
  run: (jobs: readonly Job[]) => Promise<Outcome>,
): Promise<number> {
  let [stable, unstable] = [0, Math.round(1 / stepOfLoad)];
  while (unstable - stable > 1) {
    const steps = Math.floor((stable + unstable) / 2);
    const jobs = createJobs({ servers: unevenServers, load: steps * stepOfLoad, count, seed });
    const lastMs = jobs.at(-1)?.arrivesMs ?? 0;
    const { endedMs } = await run(jobs);
    if (endedMs - lastMs <= backlogMax * lastMs) stable = steps;
    else unstable = steps;
  }
  return stable * stepOfLoad;
}

async function makespanMs({ count, seed }: CellSize, servers: readonly ServerKind[]): Promise<number> {
  const jobs = createJobs({ servers, load: 1, count, seed }).map(({ workMs }) => ({ arrivesMs: 0, workMs }));
  return (await runJobs(jobs, { servers, policy: 'auto', knowsTokens: true })).endedMs;
}
