/** Tells whoever is in charge of an answer that came to far more than was foreseen: most likely its server miscounts (U18). */
import type { Alerts } from '../alerts/alerts.ts';
import type { Trail } from '../core/trail.ts';
import type { Clock } from '../lib/clock.ts';

export interface DoubtedCostsOptions {
  readonly alerts: Pick<Alerts, 'tell'>;
  readonly clock: Clock;
}

/** Of one model on one server once a day: it may go on for as long as nobody looks. */
export function createDoubtedCosts({ alerts, clock }: DoubtedCostsOptions): (trail: Trail) => void {
  return ({ upstream, targetModel, costNanoUsd, reservedNanoUsd, id }) => {
    const startsAtMs = clock.wall();
    const day = new Date(startsAtMs).toISOString().slice(0, 10);
    const times = Math.round((costNanoUsd / reservedNanoUsd) * 10) / 10;
    alerts.tell({
      kind: 'cost_doubted',
      key: JSON.stringify([upstream, targetModel, day]),
      summary: `an answer of ${upstream}/${targetModel} cost ${times} times what was reserved for it: does it count its tokens rightly?`,
      labels: { upstream, model: targetModel, exchange: id },
      startsAtMs,
    });
  };
}
