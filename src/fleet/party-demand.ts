/** Who has how many requests where, under way and waiting: what replicas tell each other of those that share slots. */
import type { Target } from '../core/exchange.ts';
import type { PartyDemand } from '../core/fleet.ts';
import { partyOf, type QueueRules } from './fair-queue.ts';
import { leasedModel } from './leased-model.ts';

interface Running {
  readonly target: Target;
  readonly tenant: string;
  readonly key: string;
}

interface Waiting {
  readonly party: string;
  /** Where it waits, with those that may all be sent to the same servers. */
  readonly queue: { readonly servers: ReadonlySet<string> } | undefined;
}

/** Nobody where slots are shared between nobody. */
export function demandOf(
  running: Iterable<Running>,
  waiting: Iterable<Waiting>,
  fairness: QueueRules['fairness'],
): PartyDemand {
  const demand = new Demand<string>();
  if (fairness === 'none') return demand;
  for (const one of running) {
    const { target } = one;
    const party = partyOf(one, fairness);
    demand.count(target.upstream.identity, party, 1);
    const model = leasedModel(target);
    if (model !== undefined) demand.count(model.identity, party, 1);
  }
  const queued = new Demand<ReadonlySet<string>>();
  for (const { queue, party } of waiting) if (queue !== undefined) queued.count(queue.servers, party, 1);
  for (const [servers, parties] of queued) {
    for (const identity of servers)
      for (const [party, wanted] of parties) demand.count(identity, party, wanted);
  }
  return demand;
}

class Demand<Where> extends Map<Where, Map<string, number>> {
  count(where: Where, party: string, wanted: number): void {
    const parties = this.get(where) ?? new Map<string, number>();
    this.set(where, parties);
    parties.set(party, (parties.get(party) ?? 0) + wanted);
  }
}
