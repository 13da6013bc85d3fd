// Conversations on three equal servers that remember the latest of them: how much of each prompt is still in memory.
import type { Target } from '../../src/core/exchange.ts';
import type { Policy } from '../../src/core/fleet.ts';
import { createRandom } from '../../src/engines/simulator/random.ts';
import { hashText, scramble } from '../../src/lib/hash-text.ts';
import { policies } from '../../src/routing/policies/registry.ts';
import type { CellSize, FleetCell } from './cell.ts';
import type { ServerKind } from './jobs.ts';
import { SimulatedFleet } from './through-scheduler.ts';

const servers: readonly ServerKind[] = Array.from({ length: 3 }, () => ({ slots: 16, speed: 1 }));
/** Of the slots' time, where everything is found in memory. */
const load = 0.6;
const newTokens = 250;
const answerTokens = 150;
const prefillMsPerToken = 0.5;
const decodeMsPerToken = 15;
/** Of each server, in tokens: more than its third of the conversations. */
const memoryTokens = 240_000;
const conversations = 120;
const lengthTokens = { least: 1_000, most: 6_000 };
/** How often somebody asks in the one of rank n: as 1 / n to this power (Zipf). */
const unevenness = 1.1;
/** Then another one takes its place, which a server has to read first. */
const lifeMs = 120_000;
const windowMs = 10_000;
/** Of the windows: while the fleet fills, and nothing is learnt. */
const warmUpShare = 0.1;
const hitsMin = 0.9;
const imbalanceMax = 1.25;

export const prefixHits: FleetCell = {
  name: 'prefix',
  title: 'Conversations that stay where they were',
  about:
    `Three equal servers of 16 slots, load ${load}; ${conversations} conversations at a time of very uneven popularity (Zipf, ${unevenness}), each for ` +
    `${lifeMs / 1_000} s in the mean. Hits are tokens of the prompt, without the newest turn, that the server still has; imbalance is the ` +
    `busiest server’s mean load against the mean of all, in the whole run and in windows of ${windowMs / 1_000} s.`,
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
    const imbalance = auto?.windows.worst ?? 0;
    const unbounded = pure?.windows.worst ?? 0;
    return {
      columns: [
        '',
        'hits',
        'imbalance of the whole run',
        'median window',
        'worst window',
        'mean first content, ms',
      ],
      rows: results.map(({ name, hits, windows, firstMs }) => [
        name,
        hits.toFixed(3),
        windows.all.toFixed(2),
        windows.median.toFixed(2),
        windows.worst.toFixed(2),
        firstMs.toFixed(0),
      ]),
      goals: [
        {
          text: 'prefix hits, of the best affinity policy’s',
          bound: `≥ ${hitsMin}`,
          found: hits,
          isMet: hits >= hitsMin,
        },
        {
          text: `imbalance with affinity, in the worst ${windowMs / 1_000} s`,
          bound: `≤ ${imbalanceMax}`,
          found: imbalance,
          isMet: imbalance <= imbalanceMax,
        },
        {
          text: 'the same without a bound, which is to miss it',
          bound: `> ${imbalanceMax}`,
          found: unbounded,
          isMet: unbounded > imbalanceMax,
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
      scramble(prefix ^ scramble(hashText(upstream.identity))),
    );
    const owner = candidates[weights.indexOf(Math.max(...weights))];
    return owner === undefined ? -1 : free.indexOf(owner);
  },
};

interface Run {
  readonly hits: number;
  readonly windows: Imbalance;
  readonly firstMs: number;
}

/** `fromFirst`: the first turn has a prefix as well, as where the whole conversation is hashed. */
async function run({ count, seed }: CellSize, policy: Policy, fromFirst: boolean): Promise<Run> {
  const random = createRandom(seed);
  const fleet = new SimulatedFleet({ servers, policy });
  const memories = new Map<Target, Memory>(fleet.targets.map((target) => [target, new Memory()]));
  const busy = new BusyWindows(fleet.targets, windowMs);
  const popular = new Popular(random);
  const sum = { asked: 0, hit: 0, firstMs: 0, requests: 0 };
  const exponential = (meanMs: number) => -Math.log(1 - random()) * meanMs;
  const slots = servers.reduce((total, server) => total + server.slots, 0);
  const betweenMs = (newTokens * prefillMsPerToken + answerTokens * decodeMsPerToken) / (load * slots);
  const say = () => {
    const nowMs = fleet.clock.now();
    const { id, tokens, isNew } = popular.next(nowMs);
    const outputTokens = Math.ceil(exponential(answerTokens));
    fleet.arrive({
      want: { prefix: isNew && !fromFirst ? 0 : scramble(id + 1) | 1 },
      outputTokens,
      begin: (target) => {
        const hit = memories.get(target)?.recall(id, tokens) ?? 0;
        const firstMs = (tokens + newTokens - hit) * prefillMsPerToken;
        const tookMs = firstMs + outputTokens * decodeMsPerToken;
        const begunMs = fleet.clock.now();
        if (!isNew) sum.asked += tokens;
        if (!isNew) sum.hit += hit;
        sum.firstMs += begunMs - nowMs + firstMs;
        sum.requests += 1;
        busy.add(target, begunMs, begunMs + tookMs);
        return { tookMs, firstMs };
      },
      ended: () => {},
    });
  };
  let atMs = 0;
  for (let at = 0; at < count; at += 1) {
    atMs += exponential(betweenMs);
    fleet.clock.after(atMs, say);
  }
  await fleet.clock.run();
  return { hits: sum.hit / sum.asked, windows: busy.imbalance(atMs), firstMs: sum.firstMs / sum.requests };
}

interface Conversation {
  readonly id: number;
  readonly tokens: number;
  readonly untilMs: number;
}

/** Who asks next: in the one of rank n as often as 1 / n to some power says. */
export class Popular {
  readonly #random: () => number;
  readonly #upTo: readonly number[];
  readonly #ranks: (Conversation | undefined)[] = [];
  #made = 0;

  constructor(random: () => number) {
    this.#random = random;
    let sum = 0;
    this.#upTo = Array.from({ length: conversations }, (_, at) => (sum += (at + 1) ** -unevenness));
  }

  next(nowMs: number): Conversation & { readonly isNew: boolean } {
    const drawn = this.#random() * (this.#upTo.at(-1) ?? 0);
    const rank = this.#upTo.findIndex((upTo) => drawn < upTo);
    const known = this.#ranks[rank];
    if (known !== undefined && nowMs < known.untilMs) return { ...known, isNew: false };
    this.#made += 1;
    const { least, most } = lengthTokens;
    const made = {
      id: this.#made,
      tokens: Math.ceil(least + this.#random() * (most - least)),
      untilMs: nowMs - Math.log(1 - this.#random()) * lifeMs,
    };
    this.#ranks[rank] = made;
    return { ...made, isNew: true };
  }
}

interface Imbalance {
  readonly all: number;
  readonly median: number;
  readonly worst: number;
}

/** How busy each server was, window by window. */
export class BusyWindows<T> {
  readonly #busyMs: ReadonlyMap<T, number[]>;
  readonly #windowMs: number;

  constructor(targets: readonly T[], windowMs: number) {
    this.#busyMs = new Map(targets.map((target) => [target, []]));
    this.#windowMs = windowMs;
  }

  add(target: T, fromMs: number, untilMs: number): void {
    const windowMs = this.#windowMs;
    const windows = this.#busyMs.get(target) ?? [];
    for (let at = Math.floor(fromMs / windowMs); at * windowMs < untilMs; at += 1) {
      const ms = Math.min(untilMs, (at + 1) * windowMs) - Math.max(fromMs, at * windowMs);
      windows[at] = (windows[at] ?? 0) + ms;
    }
  }

  imbalance(endMs: number): Imbalance {
    const busy = [...this.#busyMs.values()];
    const whole = ratioOf(busy.map((windows) => windows.reduce((sum, ms) => sum + (ms ?? 0), 0)));
    const count = Math.floor(endMs / this.#windowMs);
    const filled = Math.ceil(count * warmUpShare);
    const counted = Array.from({ length: count - filled }, (_, at) =>
      ratioOf(busy.map((windows) => windows[at + filled] ?? 0)),
    ).sort((one, other) => one - other);
    const at = (share: number) =>
      counted[Math.min(counted.length - 1, Math.floor(counted.length * share))] ?? 0;
    return { all: whole, median: at(0.5), worst: at(1) };
  }
}

function ratioOf(busyMs: readonly number[]): number {
  return Math.max(...busyMs) / (busyMs.reduce((sum, ms) => sum + ms, 0) / busyMs.length);
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
