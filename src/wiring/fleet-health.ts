/** Which servers may be asked: by what happened, what other replicas tell, and what operators want. */
import { Health } from '../fleet/health.ts';
import { Drains } from './drains.ts';
import { FleetNews } from './fleet-news.ts';
import type { Gateway, GatewayOptions } from './gateway.ts';
import type { Lasting } from './lasting.ts';
import { createRetries } from './retries.ts';

export function createFleetHealth(
  { clock, log, loaded }: GatewayOptions,
  shared: Lasting['shared'],
  running: Pick<Gateway, 'snapshot'> & { readonly listener: Gateway['listener'] | undefined },
): Pick<Lasting, 'health' | 'drains' | 'retries'> {
  const health = new Health(clock, loaded.config.health.eject);
  const news = new FleetNews({ clock, shared, health, fleet: () => running.snapshot });
  const drains = new Drains({ clock, log, shared, gate: news.gate });
  const retries = createRetries(clock, () => running.listener?.inFlight ?? 0, news);
  return { health, drains, retries };
}
