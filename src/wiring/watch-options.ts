/** How upstreams are watched, by what one configuration says of them. */
import { isCloud } from '../config/billing-hosts.ts';
import type { Config } from '../config/schema.ts';
import type { Upstream } from '../core/exchange.ts';
import type { WatchOptions } from '../fleet/watch.ts';
import { providers } from '../providers/registry.ts';
import { logListing, logSlotsUntold } from '../telemetry/debug-lines.ts';
import type { Lasting } from './lasting.ts';
import { takeOff } from './take-off.ts';

/** Whose machines are many and not ours to look after. */
const cloudEveryMsMin = 10_000;

export function createWatchOptions(lasting: Lasting, config: Config): WatchOptions {
  const { clock, catalogue, health, scheduler, log } = lasting;
  const { everyMs, silentMs } = config.health;
  const isElsewhere = ({ name }: Upstream) => {
    const configured = config.upstreams[name];
    return configured !== undefined && isCloud(configured);
  };
  return {
    clock,
    catalogue,
    health,
    scheduler,
    everyMsOf: (upstream) => Math.max(everyMs, isElsewhere(upstream) ? cloudEveryMsMin : 0),
    silentMs,
    isChecked: (upstream) => !isElsewhere(upstream),
    onSilent: (upstream, others) => takeOff(lasting, config, { upstream, others }),
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
