/** What keeping models in memory has to know of the fleet, from those who know it. */
import type { Target } from '../core/exchange.ts';
import type { Health } from '../fleet/health.ts';
import type { Residency } from '../fleet/residency.ts';
import type { Scheduler } from '../fleet/scheduler.ts';
import type { WarmView } from '../fleet/warming.ts';
import type { ModelTable } from '../routing/model-table.ts';
import type { Shared } from '../stores/shared-state.ts';
import type { Drains } from './drains.ts';
import type { Exporters } from './exporters.ts';

export interface Fleet {
  readonly lasting: {
    readonly scheduler: Scheduler;
    readonly health: Health;
    readonly drains: Pick<Drains, 'of'>;
    readonly shared: Pick<Shared, 'presence'>;
  };
  readonly snapshot: { readonly models: ModelTable };
}

export interface WarmViewSources {
  readonly fleet: () => Fleet;
  readonly residency: Residency;
  readonly exporters: Exporters;
}

export function createWarmView({ fleet, residency, exporters }: WarmViewSources): WarmView {
  const inFlight = (target: Target) =>
    fleet().lasting.scheduler.occupied.filter((running) => residency.isSame(running, target)).length;
  return {
    demand: (name) => {
      const { lasting, snapshot } = fleet();
      const targets = snapshot.models.find(name)?.targets ?? [];
      return targets.reduce((sum, target) => sum + inFlight(target), lasting.scheduler.waitingFor(name));
    },
    inFlight,
    slots: (upstream) => fleet().lasting.scheduler.limitOf(upstream),
    isDown: (upstream) => {
      const { health, drains } = fleet().lasting;
      return health.of(upstream).state === 'down' || drains.of(upstream) !== undefined;
    },
    freeBytes: (upstream) => exporters.freeBytes(upstream),
    replicas: () => fleet().lasting.shared.presence.count(),
  };
}
