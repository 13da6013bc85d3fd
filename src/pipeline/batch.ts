/**
 * Sends requests that an upstream takes in one call together. Whoever comes while nothing is under way goes at once; the
 * others wait for each other until there are enough, until it was long enough, or until the one before has ended, and
 * while no slot is free. Each of them was authorised, limited, reserved and written down by itself before.
 */
import type { Bound, Planned } from '../core/exchange.ts';
import type { Stage } from '../core/stage.ts';
import type { BatchOptions } from './batch-call.ts';
import { Gathering } from './gathering.ts';
import { inputsOf, sharedBy } from './merged-call.ts';
import { readPriority } from './wishes.ts';

/** What one request may bring: larger ones gain nothing from company. */
const memberBytesMax = 256 * 1024;
/** Models whose servers were found to refuse what they take one by one; when there are more, all are tried anew. */
const refusingMax = 1_000;

export function batch(options: BatchOptions): Stage<Planned> {
  return (next) => {
    /** Each lives while something is under way. */
    const gatherings = new Map<string, Gathering>();
    /** By model and kind of call, until when they are sent one by one. */
    const refusing = new Map<string, number>();
    const isRefusing = (what: string): boolean => {
      const untilMs = refusing.get(what);
      if (untilMs === undefined) return false;
      if (untilMs > options.clock.now()) return true;
      refusing.delete(what);
      return false;
    };
    const gatheringOf = (key: string, what: string): Gathering => {
      const there = gatherings.get(key);
      if (there !== undefined) return there;
      const gathering = new Gathering({
        ...options,
        next,
        onIdle: () => gatherings.delete(key),
        onRefusing: (untilMs) => {
          if (refusing.size >= refusingMax) refusing.clear();
          refusing.set(what, untilMs);
        },
      });
      gatherings.set(key, gathering);
      return gathering;
    };
    return (exchange) => {
      // The most there are, first.
      if (exchange.call.kind === 'chat' || exchange.call.stream) return next(exchange);
      const shared = sharedWith(options, exchange);
      const what = `${exchange.trail.model} ${exchange.call.kind}`;
      if (shared === undefined || isRefusing(what)) return next(exchange);
      const { trail, incoming, principal } = exchange;
      const rule = options.priorities.of(principal.tenant, principal.keyName);
      const { priority, warning } = readPriority(incoming.headers, rule);
      if (warning !== undefined) trail.warn([warning]);
      const key = [trail.tenant, trail.model, priority, shared].join('\u0000');
      return gatheringOf(key, what).join({ ...exchange, priority });
    };
  };
}

/** Closes a batch when it has its slot: until then others may join it. */
export function seal(): Stage<Bound> {
  return (next) => (exchange) => {
    if (exchange.batch === undefined) return next(exchange);
    try {
      return next(exchange.batch.seal(exchange));
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  };
}

/** What a request has in common with those that it may be sent with; undefined where it goes by itself. */
function sharedWith({ boundsOf, mayMerge }: BatchOptions, exchange: Planned): string | undefined {
  const { call, candidates, meter, trail } = exchange;
  if (meter !== undefined || !mayMerge(exchange) || call.wire.bytes.length > memberBytesMax) return undefined;
  // What fills a call by itself has nothing to wait for.
  if (call.kind === 'chat' || inputsOf(call).length >= boundsOf(trail.model).maxBatch) return undefined;
  if (!candidates.every(({ upstream }) => upstream.adapter.manyInputs(call))) return undefined;
  return sharedBy(call);
}
