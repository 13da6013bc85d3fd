/** Which streams are gone on with where they break off: by the configuration, and by what servers told of themselves. */
import type { Config } from '../config/schema.ts';
import type { Target } from '../core/exchange.ts';
import type { CarryOnOptions } from '../pipeline/carry-on.ts';
import { providers } from '../providers/registry.ts';
import { logCarriedOn } from '../telemetry/debug-lines.ts';
import type { Lasting } from './lasting.ts';

export function createSurvival(
  { clock, catalogue, health, streams, accounts, retries, log }: Lasting,
  { models, upstreams, carryOn, retries: { budget, quarantineMs } }: Config,
): CarryOnOptions {
  const wishOf = (model: string) => models[model]?.carryOn ?? 'auto';
  const isKnownTo = ({ upstream, model }: Target): boolean => {
    const configured = upstreams[upstream.name];
    if (configured === undefined) return false;
    const described = catalogue.described(upstream).find(({ name }) => name === model)?.described;
    return providers[configured.type].goesOn(model, described);
  };
  return {
    clock,
    triesMax: carryOn.tries,
    comment: carryOn.comment,
    isOn: (model) => wishOf(model) !== 'off',
    goesOn: (model, target) => wishOf(model) === 'on' || isKnownTo(target),
    isWell: (upstream) => health.of(upstream).state !== 'down',
    isAllowed: ({ principal, call, trail }, { code }) => {
      const suspect = { tenant: principal.tenant, bytes: call.wire.bytes };
      const isBreaking = code === 'upstream_cut' && quarantineMs > 0;
      if (isBreaking && retries.quarantine.broke(suspect, trail.upstream, quarantineMs)) return false;
      return retries.budget.take(budget);
    },
    written: () => accounts.written(),
    streams,
    onCarriedOn: (trail) => logCarriedOn(log, trail),
  };
}
