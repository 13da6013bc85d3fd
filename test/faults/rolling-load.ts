/** The load of P1 to P3 on gateways behind nginx, from a process of its own, and what all of it came to so far. */
import type { TestContext } from 'node:test';
import { times } from '../soak.ts';
import type { Statuses } from './load-facts.ts';
import { openLoadProcess } from './load-process.ts';
import { until } from './rig.ts';
import type { Way } from './shared-slots-rig.ts';

/** What the rows ask for, and of that what others who run beside it in the suite leave room for. */
const perSecond = times(40, 200);
const streams = times(10, 100);
const pace = {
  firstTokenMs: 30,
  events: times(20, 30),
  eventsPerSecond: times(33, 10),
};

export interface RollingLoad {
  /** Where its LLM listens. */
  readonly url: string;
  /** How many got which status, or did not get their answer as they should. */
  readonly wholes: Statuses;
  readonly streams: Statuses;
  begin(way: Way): void;
  /** Resolves when so many more whole answers have come, whatever they say. */
  more(count: number): Promise<void>;
  /** Sends nothing more, and waits for the last: in words, what all of it came to. */
  rest(): Promise<string>;
}

export async function openRollingLoad(t: Pick<TestContext, 'after'>): Promise<RollingLoad> {
  const child = await openLoadProcess(t, pace);
  const wholes: Record<string, number> = {};
  const ends: Record<string, number> = {};
  let beganMs = 0;
  const count = (seen: Awaited<ReturnType<typeof child.look>>) => {
    addTo(wholes, seen.statuses);
    addTo(ends, seen.streams);
    return seen.sent;
  };
  return {
    url: child.url,
    wholes,
    streams: ends,
    begin: ({ url, key }) => {
      beganMs = performance.now();
      child.begin({ urls: [url], keys: [key], perSecond, prompt: 'hi', streams });
    },
    more: async (wanted) => {
      // Those that came before this was asked are counted, but are not more.
      count(await child.look());
      let more = 0;
      while (more < wanted) {
        const before = more;
        await until('there is one more answer', async () => {
          more += count(await child.look());
          return more > before;
        });
      }
    },
    rest: async () => {
      const tookS = (performance.now() - beganMs) / 1_000;
      count(await child.rest());
      const perS = Math.round(sum(wholes) / tookS);
      return `${sum(wholes)} whole answers (${perS}/s), ${sum(ends)} streams (${streams} at a time) in ${Math.round(tookS)} s`;
    },
  };
}

export function sum(statuses: Statuses): number {
  return Object.values(statuses).reduce((all, count) => all + count, 0);
}

function addTo(sums: Record<string, number>, more: Statuses): void {
  for (const [status, count] of Object.entries(more)) sums[status] = (sums[status] ?? 0) + count;
}
