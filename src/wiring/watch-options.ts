/** How upstreams are watched, by what one configuration says of them. */
import type { Config } from '../config/schema.ts';
import type { WatchOptions } from '../fleet/watch.ts';
import { providers } from '../providers/registry.ts';
import { logListing, logSlotsUntold } from '../telemetry/debug-lines.ts';
import type { Lasting } from './lasting.ts';

export function createWatchOptions(lasting: Lasting, config: Config): WatchOptions {
  const { clock, catalogue, health, scheduler, log } = lasting;
  return {
    clock,
    catalogue,
    health,
    scheduler,
    everyMs: config.health.everyMs,
    slotsToldBy: ({ name }) => {
      const configured = config.upstreams[name];
      return configured === undefined ? undefined : providers[configured.type].slotsTold;
    },
    onUntold: (upstream, failure) => logSlotsUntold(log, upstream, failure),
    onListing: (listing) => logListing(log, listing),
    listPathOf: ({ name }) => {
      const configured = config.upstreams[name];
      return configured === undefined ? '/models' : providers[configured.type].listPath;
    },
  };
}
