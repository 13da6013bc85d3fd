/** How much one caller may ask of the admin API: changes in a minute, and dear reports at once. */
import { finished } from 'node:stream';
import { fail } from '../core/failure.ts';
import type { Clock } from '../lib/clock.ts';
import type { AdminActor } from './actor.ts';
import type { Around } from './register.ts';
import { type AdminRoute, changesSomething } from './route.ts';

export interface PaceOptions {
  readonly clock: Clock;
  /** Both of the configuration, of each caller. */
  readonly changesPerMinute: number;
  readonly reportsAtOnce: number;
}

const minuteMs = 60_000;
/** Beyond this whoever changed something longest ago is forgotten, mostly with all of his minute untouched. */
const callersMax = 10_000;

/** Whoever has many keys is one caller; of what is nobody's in particular each key is. */
export function paced({ clock, changesPerMinute, reportsAtOnce }: PaceOptions): Around {
  const stepMs = minuteMs / changesPerMinute;
  /** By when the minute of each is untouched again, in the order of their last changes. */
  const fullAtMs = new Map<string, number>();
  const running = new Map<string, number>();

  const takeChange = (who: string, { name }: AdminActor) => {
    const nowMs = clock.now();
    const nextMs = Math.max(nowMs, fullAtMs.get(who) ?? 0) + stepMs;
    const waitMs = nextMs - nowMs - minuteMs;
    if (waitMs > 0) throw tooFast(name, changesPerMinute, Math.ceil(waitMs / 1_000));
    fullAtMs.delete(who);
    fullAtMs.set(who, nextMs);
    const [oldest] = fullAtMs.keys();
    if (fullAtMs.size > callersMax && oldest !== undefined) fullAtMs.delete(oldest);
  };
  const begin = (who: string, { name }: AdminActor) => {
    const count = (running.get(who) ?? 0) + 1;
    if (count > reportsAtOnce) throw tooMany(name, reportsAtOnce);
    running.set(who, count);
  };
  const end = (who: string) => {
    const left = (running.get(who) ?? 0) - 1;
    if (left > 0) running.set(who, left);
    else running.delete(who);
  };

  return async (row, { actor }, next) => {
    if (row.permission === 'public') return await next();
    const who = callerOf(actor);
    if (isCounted(row)) takeChange(who, actor);
    if (row.dear !== true) return await next();
    begin(who, actor);
    let isStreamed = false;
    try {
      const answer = await next();
      if ('stream' in answer) {
        isStreamed = true;
        finished(answer.stream, () => end(who));
      }
      return answer;
    } finally {
      if (!isStreamed) end(who);
    }
  };
}

/** What is only looked at, a whole configuration for instance, is work as well. */
function isCounted(row: AdminRoute): boolean {
  return row.method !== 'GET' || changesSomething(row);
}

function callerOf({ how, tenant, user, name }: AdminActor): string {
  return JSON.stringify(user === '' ? [tenant, how, name] : [tenant, user]);
}

function tooFast(name: string, most: number, retryAfterS: number): Error {
  const bound = `may change ${most} things a minute (\`admin.changesPerMinute\`)`;
  return fail('rate_limited', `"${name}" ${bound}: try again in ${retryAfterS} s`, { retryAfterS });
}

function tooMany(name: string, most: number): Error {
  const bound = `may have ${most} reports made at once (\`admin.reportsAtOnce\`)`;
  return fail('rate_limited', `"${name}" ${bound}: try again when one has ended`, { retryAfterS: 1 });
}
