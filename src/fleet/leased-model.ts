/** Where a model has a number of slots of its own on a server, replicas divide those as well. */
import type { Target } from '../core/exchange.ts';
import type { Leased } from '../core/fleet.ts';

export function leasedModel({ upstream, model }: Target): Leased | undefined {
  return upstream.slotsPerModel === undefined ? undefined : { identity: `${upstream.identity} ${model}` };
}
