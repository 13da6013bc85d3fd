// What `test/faults/flooding-tenant.test.ts` does over sockets, on a clock that jumps: two tenants, one server with few slots whose
// answers all take as long, and clients that ask again when they have their answer. Beside it those who come by chance.
import { createRandom } from '../../src/engines/simulator/random.ts';
import { policies } from '../../src/routing/policies/registry.ts';
import type { GoalResult } from '../results.ts';
import type { FleetCell } from './cell.ts';
import { SimulatedFleet } from './through-scheduler.ts';

const answerMs = 100;
const answerTokens = 5;
const refusedPauseMs = 20;
/** A client's requests come so long after its answers, or twice that, or anything between. */
const pauseMs = 1;
const growthMax = 1.2;
const goodputMin = 0.95;
const endMsMax = 60_000;
/** Until then nobody is counted. */
const countedFromMs = 2_000;

interface Scene {
  readonly name: string;
  readonly slots: number;
  /** How many clients the one tenant has; or how much of its share it asks for by chance. */
  readonly light: { readonly clients: number } | { readonly share: number };
  /** Whether the goal is to be kept there; elsewhere it would cost more than may be left idle. */
  readonly isGoal: boolean;
}

const scenes: readonly Scene[] = [
  { name: '4 slots, 1 client', slots: 4, light: { clients: 1 }, isGoal: true },
  { name: '4 slots, 2 clients', slots: 4, light: { clients: 2 }, isGoal: true },
  { name: '16 slots, 8 clients', slots: 16, light: { clients: 8 }, isGoal: true },
  { name: '4 slots, by chance, 0.3 of its share', slots: 4, light: { share: 0.3 }, isGoal: false },
  { name: '16 slots, by chance, 0.3 of its share', slots: 16, light: { share: 0.3 }, isGoal: false },
  { name: '64 slots, by chance, 0.3 of its share', slots: 64, light: { share: 0.3 }, isGoal: true },
];

export const floodAtFewSlots: FleetCell = {
  name: 'few-slots',
  title: 'A flood at few slots, answers of one length',
  about:
    `Two tenants, answers of ${answerMs} ms. Clients ask again ${pauseMs} to ${2 * pauseMs} ms after their answer; the flood has ten times the clients that ` +
    'its share of the slots could serve. p99 of the other in milliseconds: alone, beside the flood with nothing kept free, and with slots kept free as ' +
    'they are where nobody says otherwise; then what of the slots’ time was of use.',
  measure: async ({ count, seed }) => {
    const endMs = Math.min(endMsMax, count * 2);
    const rows: string[][] = [];
    const goals: GoalResult[] = [];
    let goodput = 1;
    for (const scene of scenes) {
      const alone = await play(scene, { endMs, seed, flood: false });
      const nothingKept = await play(scene, { endMs, seed, flood: true, idleShareMax: 0 });
      const kept = await play(scene, { endMs, seed, flood: true });
      goodput = Math.min(goodput, kept.goodput);
      const growth = kept.p99Ms / alone.p99Ms;
      rows.push([
        scene.name,
        ...[alone, nothingKept, kept].map(({ p99Ms }) => p99Ms.toFixed(0)),
        growth.toFixed(2),
        kept.goodput.toFixed(3),
      ]);
      if (!scene.isGoal) continue;
      const text = `p99 beside a flood, ${scene.name}, of what it was alone`;
      goals.push({ text, bound: `< ${growthMax}`, found: growth, isMet: growth < growthMax });
    }
    const text = 'goodput beside a flood, the least of these';
    goals.push({ text, bound: `≥ ${goodputMin}`, found: goodput, isMet: goodput >= goodputMin });
    return { columns: ['', 'alone', 'nothing kept', 'kept', 'growth', 'goodput'], rows, goals };
  },
};

interface Playing {
  readonly endMs: number;
  readonly seed: number;
  readonly flood: boolean;
  readonly idleShareMax?: number;
}

async function play({ slots, light }: Scene, { endMs, seed, flood, ...queue }: Playing) {
  const random = createRandom(seed);
  const policy = policies.auto({ zones: [], affinity: false });
  const fleet = new SimulatedFleet({
    servers: [{ slots, speed: 1 }],
    policy,
    queue: { places: 4 * slots, ...queue },
  });
  const took: number[] = [];
  let served = 0;
  const ask = (tenant: string, ended: (tookMs: number) => void, refused: () => void) =>
    fleet.arrive({
      want: { tenant, key: tenant, tokens: 2 * answerTokens, answerTokens },
      outputTokens: answerTokens,
      begin: () => ({ tookMs: answerMs, firstMs: 1 }),
      ended: (tookMs) => {
        if (fleet.clock.now() >= countedFromMs) served += 1;
        ended(tookMs);
      },
      refused,
    });
  const count = (tookMs: number) => {
    if (fleet.clock.now() >= countedFromMs) took.push(tookMs);
  };
  const client = (tenant: string, ended: (tookMs: number) => void) => {
    const again = (ms: number) => fleet.clock.after(ms, next);
    const next = () => {
      const pause = (tookMs: number) => {
        ended(tookMs);
        again(pauseMs * (1 + random()));
      };
      ask(tenant, pause, () => again(refusedPauseMs));
    };
    again(random() * answerMs);
  };
  if ('clients' in light) for (let at = 0; at < light.clients; at += 1) client('light', count);
  else {
    const perMs = (light.share * slots) / 2 / answerMs;
    const next = () => {
      ask('light', count, () => {});
      fleet.clock.after(-Math.log(1 - random()) / perMs, next);
    };
    next();
  }
  if (flood) for (let at = 0; at < 5 * slots; at += 1) client('flood', () => {});
  await fleet.clock.run(endMs);
  const sorted = took.sort((one, other) => one - other);
  const goodput = (served * answerMs) / ((endMs - countedFromMs) * slots);
  return { p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN, goodput };
}
