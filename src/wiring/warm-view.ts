/** What keeping models in memory has to know of the fleet, from those who know it. */
import type { Target } from '../core/exchange.ts';
import type { Health } from '../fleet/health.ts';
import type { Residency } from '../fleet/residency.ts';
import type { Scheduler } from '../fleet/scheduler.ts';
import type { WarmView } from '../fleet/warming.ts';
import type { ModelTable } from '../routing/model-table.ts';
import type { Shared } from '../stores/shared-state.ts';
import type { Exporters } from './exporters.ts';

export interface Fleet {
  readonly scheduler: Scheduler;
  readonly health: Health;
  readonly models: ModelTable;
  readonly shared: Pick<Shared, 'presence'>;
}

export interface WarmViewSources {
  readonly fleet: () => Fleet;
  readonly residency: Residency;
  readonly exporters: Exporters;
}

export function createWarmView({ fleet, residency, exporters }: WarmViewSources): WarmView {
  const inFlight = (target: Target) =>
    fleet().scheduler.occupied.filter((running) => residency.isSame(running, target)).length;
  return {
    demand: (name) => {
      const { models, scheduler } = fleet();
      const targets = models.find(name)?.targets ?? [];
      return targets.reduce((sum, target) => sum + inFlight(target), scheduler.waitingFor(name));
    },
    inFlight,
    slots: (upstream) => fleet().scheduler.limitOf(upstream),
    isDown: (upstream) => fleet().health.of(upstream).state === 'down',
    freeBytes: (upstream) => exporters.freeBytes(upstream),
    replicas: () => fleet().shared.presence.count(),
  };
}
