// How balancers do it that know no slots: each request is bound to a server when it comes, and waits there. And the line
// that all are measured by: one queue for all, whose first goes to the fastest server that is free, with the true speeds known.
import { createRandom } from '../../src/engines/simulator/random.ts';
import type { Job, ServerKind } from './jobs.ts';
import { type Outcome, outcomeOf } from './outcome.ts';
import { VirtualClock } from './virtual-clock.ts';

interface Server extends ServerKind {
  busy: number;
  /** Under way and waiting. */
  outstanding: number;
  readonly queue: Job[];
}

export type Bind = (servers: readonly Server[]) => number;

export const binders = {
  'round robin': () => {
    let turn = -1;
    return ({ length }) => {
      turn = (turn + 1) % length;
      return turn;
    };
  },
  'weighted round robin, true weights': () => {
    let credits: number[] = [];
    return (servers) => {
      credits = servers.map(({ slots, speed }, index) => (credits[index] ?? 0) + slots * speed);
      const chosen = credits.indexOf(Math.max(...credits));
      credits[chosen] = (credits[chosen] ?? 0) - servers.reduce((sum, one) => sum + one.slots * one.speed, 0);
      return chosen;
    };
  },
  random:
    (random) =>
    ({ length }) =>
      Math.floor(random() * length),
  'two choices': (random) => (servers) => {
    const one = Math.floor(random() * servers.length);
    const drawn = Math.floor(random() * (servers.length - 1));
    const other = drawn >= one ? drawn + 1 : drawn;
    return (servers[one]?.outstanding ?? 0) <= (servers[other]?.outstanding ?? 0) ? one : other;
  },
  'least connections': () => (servers) => leastIndex(servers, ({ outstanding }) => outstanding),
  'least connections ÷ slots': () => (servers) =>
    leastIndex(servers, ({ outstanding, slots }) => outstanding / slots),
} as const satisfies Record<string, (random: () => number) => Bind>;

export type BinderName = keyof typeof binders;

export async function boundEarly(
  jobs: readonly Job[],
  kinds: readonly ServerKind[],
  bind: Bind,
): Promise<Outcome> {
  const servers = kinds.map((kind): Server => ({ ...kind, busy: 0, outstanding: 0, queue: [] }));
  return play(jobs, (job, begin) => {
    const server = servers[bind(servers)];
    if (server === undefined) throw new RangeError('a server was chosen that does not exist');
    server.outstanding += 1;
    server.queue.push(job);
    const next = () => {
      const first = server.busy < server.slots ? server.queue.shift() : undefined;
      if (first === undefined) return;
      server.busy += 1;
      begin(first, server.speed, () => {
        server.busy -= 1;
        server.outstanding -= 1;
        next();
      });
    };
    next();
  });
}

export async function centralQueue(jobs: readonly Job[], kinds: readonly ServerKind[]): Promise<Outcome> {
  const servers = kinds.map((kind): Server => ({ ...kind, busy: 0, outstanding: 0, queue: [] }));
  const fastestFirst = servers.toSorted((one, other) => other.speed - one.speed);
  const queue: Job[] = [];
  return play(jobs, (job, begin) => {
    queue.push(job);
    const next = () => {
      const server = fastestFirst.find(({ busy, slots }) => busy < slots);
      const first = server === undefined ? undefined : queue.shift();
      if (server === undefined || first === undefined) return;
      server.busy += 1;
      begin(first, server.speed, () => {
        server.busy -= 1;
        next();
      });
    };
    next();
  });
}

type Begin = (job: Job, speed: number, ended: () => void) => void;

async function play(jobs: readonly Job[], arrive: (job: Job, begin: Begin) => void): Promise<Outcome> {
  const clock = new VirtualClock();
  const tookMs: number[] = [];
  const begin: Begin = (job, speed, ended) => {
    clock.after(job.workMs / speed, () => {
      tookMs.push(clock.now() - job.arrivesMs);
      ended();
    });
  };
  for (const job of jobs) clock.after(job.arrivesMs, () => arrive(job, begin));
  await clock.run();
  return outcomeOf(tookMs, clock.now());
}

function leastIndex(servers: readonly Server[], measure: (server: Server) => number): number {
  const values = servers.map(measure);
  return values.indexOf(Math.min(...values));
}

export function createBinder(name: BinderName, seed: number): Bind {
  return binders[name](createRandom(seed));
}
