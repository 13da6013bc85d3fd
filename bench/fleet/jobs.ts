// Who comes when, and how much work it is: Poisson arrivals, lognormal work of mean 2 s on a server of speed 1 (CV 1.5).
// The same numbers in the same order as in the published simulation, so that its table can be computed again here.
import { createRandom } from '../../src/engines/simulator/random.ts';

export interface Job {
  readonly arrivesMs: number;
  /** On a server of speed 1. */
  readonly workMs: number;
}

export interface ServerKind {
  readonly slots: number;
  readonly speed: number;
}

export const meanWorkMs = 2_000;
const variation = 1.5;
/** What a token of an answer is worth in work. Answers have lengths, and the work is what their tokens take. */
export const tokenMs = 10;

/** The fleet of the published simulation. */
export const unevenServers: readonly ServerKind[] = [
  { slots: 4, speed: 1 },
  { slots: 2, speed: 0.6 },
  { slots: 1, speed: 0.3 },
];

/** In units of a slot of speed 1. */
export function capacityOf(servers: readonly ServerKind[]): number {
  return servers.reduce((sum, { slots, speed }) => sum + slots * speed, 0);
}

export interface JobsOptions {
  readonly servers: readonly ServerKind[];
  /** Of the capacity. */
  readonly load: number;
  readonly count: number;
  readonly seed: number;
}

export function createJobs({ servers, load, count, seed }: JobsOptions): readonly Job[] {
  const random = createRandom(seed);
  const sigma = Math.sqrt(Math.log(1 + variation * variation));
  const mu = Math.log(meanWorkMs) - (sigma * sigma) / 2;
  const perMs = (load * capacityOf(servers)) / meanWorkMs;
  let arrivesMs = 0;
  return Array.from({ length: count }, () => {
    arrivesMs += -Math.log(1 - random()) / perMs;
    return { arrivesMs, workMs: Math.exp(mu + sigma * gaussian(random)) };
  });
}

function gaussian(random: () => number): number {
  let drawn = 0;
  while (drawn === 0) drawn = random();
  return Math.sqrt(-2 * Math.log(drawn)) * Math.cos(2 * Math.PI * random());
}
