// Conversations on three equal servers that remember the latest of them: how much of each prompt is still in memory.
import type { Target } from '../../src/core/exchange.ts';
import type { Policy } from '../../src/core/fleet.ts';
import { createRandom } from '../../src/engines/simulator/random.ts';
import { scramble } from '../../src/lib/hash-text.ts';
import { policies } from '../../src/routing/policies/registry.ts';
import type { CellSize, FleetCell } from './cell.ts';
import type { ServerKind } from './jobs.ts';
import { SimulatedFleet } from './through-scheduler.ts';

const servers: readonly ServerKind[] = Array.from({ length: 3 }, () => ({ slots: 16, speed: 1 }));
const turnTokens = 250;
const prefillMsPerToken = 0.5;
const decodeMsPerToken = 15;
const thinkMs = 8_000;
/** Of each server, in tokens: some sixty conversations. */
const memoryTokens = 240_000;
const turnsMean = 8;
/** So many conversations a second that about 0.6 of the slots are busy. */
const conversationsPerS = 1.6;
const hitsMin = 0.9;
const imbalanceMax = 1.25;

export const prefixHits: FleetCell = {
  name: 'prefix',
  title: 'Conversations that stay where they were',
  about:
    'Three equal servers of 16 slots, conversations of 8 turns in the mean with a heavy tail, 250 tokens a turn. Hits are tokens of the ' +
    'prompt, without the newest turn, that the server still has; imbalance is the busiest server’s mean load against the mean of all.',
  measure: async (size) => {
    const runs = [
      ['every conversation on its server, whatever waits there', pureAffinity, true],
      ['auto', policies.auto({ zones: [], affinity: true }), false],
      ['auto without affinity', policies.auto({ zones: [], affinity: false }), false],
    ] as const;
    const results = await Promise.all(
      runs.map(async ([name, policy, fromFirst]) => ({ name, ...(await run(size, policy, fromFirst)) })),
    );
    const [pure, auto] = results;
    const hits = (auto?.hits ?? 0) / (pure?.hits ?? 1);
    const imbalance = auto?.imbalance ?? 0;
    return {
      columns: ['', 'hits', 'imbalance', 'mean first content, ms'],
      rows: results.map((result) => [
        result.name,
        result.hits.toFixed(3),
        result.imbalance.toFixed(2),
        result.firstMs.toFixed(0),
      ]),
      goals: [
        {
          text: 'prefix hits, of the best affinity policy’s',
          bound: `≥ ${hitsMin}`,
          found: hits,
          isMet: hits >= hitsMin,
        },
        {
          text: 'imbalance with affinity',
          bound: `≤ ${imbalanceMax}`,
          found: imbalance,
          isMet: imbalance <= imbalanceMax,
        },
      ],
    };
  },
};

/** Consistent hashing without a bound: whoever is not on its server's turn waits for it. */
const pureAffinity: Policy = {
  name: 'pure-affinity',
  choose: (free, { prefix, candidates }) => {
    const weights = candidates.map(({ upstream }) =>
      scramble(prefix ^ scramble(upstream.name.length + Number(upstream.name.slice(-1)))),
    );
    const owner = candidates[weights.indexOf(Math.max(...weights))];
    return owner === undefined ? -1 : free.indexOf(owner);
  },
};

interface Conversation {
  readonly id: number;
  readonly turns: number;
}

interface Run {
  readonly hits: number;
  readonly imbalance: number;
  readonly firstMs: number;
}

/** `fromFirst`: the first turn has a prefix as well, as where the whole conversation is hashed. */
async function run({ count, seed }: CellSize, policy: Policy, fromFirst: boolean): Promise<Run> {
  const random = createRandom(seed);
  const fleet = new SimulatedFleet({ servers, policy });
  const memories = new Map<Target, Memory>(fleet.targets.map((target) => [target, new Memory()]));
  const busyMs = new Map<Target, number>();
  const sum = { asked: 0, hit: 0, firstMs: 0, requests: 0 };
  const exponential = (meanMs: number) => -Math.log(1 - random()) * meanMs;
  const say = ({ id, turns }: Conversation, turn: number) => {
    const outputTokens = Math.ceil(1 + exponential(turnTokens * 0.6));
    const begunMs = fleet.clock.now();
    fleet.arrive({
      want: { prefix: turn > 0 || fromFirst ? scramble(id + 1) | 1 : 0 },
      outputTokens,
      begin: (target) => {
        const before = turn * turnTokens;
        const hit = memories.get(target)?.recall(id, before + turnTokens) ?? 0;
        const firstMs = (before + turnTokens - hit) * prefillMsPerToken;
        const tookMs = firstMs + outputTokens * decodeMsPerToken;
        sum.asked += before;
        sum.hit += Math.min(hit, before);
        sum.firstMs += fleet.clock.now() - begunMs + firstMs;
        sum.requests += 1;
        busyMs.set(target, (busyMs.get(target) ?? 0) + tookMs);
        return { tookMs, firstMs };
      },
      ended: () => {
        if (turn + 1 < turns) fleet.clock.after(exponential(thinkMs), () => say({ id, turns }, turn + 1));
      },
    });
  };
  let atMs = 0;
  for (let id = 0; id < count / turnsMean; id += 1) {
    atMs += exponential(1_000 / conversationsPerS);
    // A Pareto tail: most conversations are short, and a few are most of the work.
    const turns = Math.min(80, Math.ceil((turnsMean / 3) * (1 - random()) ** (-1 / 1.5)));
    fleet.clock.after(atMs, () => say({ id, turns }, 0));
  }
  await fleet.clock.run();
  const busy = fleet.targets.map((target) => busyMs.get(target) ?? 0);
  const imbalance = Math.max(...busy) / (busy.reduce((total, each) => total + each, 0) / busy.length);
  return { hits: sum.hit / sum.asked, imbalance, firstMs: sum.firstMs / sum.requests };
}

/** What a server still has of conversations: the latest, as far as its memory goes. */
class Memory {
  readonly #tokens = new Map<number, number>();
  #sum = 0;

  /** How much of the conversation it has; from now on it has so much. */
  recall(id: number, tokens: number): number {
    const had = this.#tokens.get(id) ?? 0;
    this.#tokens.delete(id);
    this.#tokens.set(id, tokens);
    this.#sum += tokens - had;
    for (const [oldest, size] of this.#tokens) {
      if (this.#sum <= memoryTokens || oldest === id) break;
      this.#tokens.delete(oldest);
      this.#sum -= size;
    }
    return had;
  }
}
