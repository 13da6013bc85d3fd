/** Which streams are gone on with where they break off: by the configuration, and by what servers told of themselves. */
import type { Config } from '../config/schema.ts';
import type { Call } from '../core/call.ts';
import type { Target } from '../core/exchange.ts';
import type { CarryOnOptions } from '../pipeline/carry-on.ts';
import { logCarriedOn } from '../telemetry/debug-lines.ts';
import type { Lasting } from './lasting.ts';
import { linesOf } from './lines.ts';

export function createSurvival(lasting: Lasting, config: Config): CarryOnOptions {
  const { catalogue, health, drains, retries, log } = lasting;
  const {
    models,
    carryOn,
    retries: { budget, quarantineMs },
  } = config;
  const wishOf = (model: string) => models[model]?.carryOn ?? 'auto';
  const isKnownTo = ({ upstream, model: name }: Target, kind: Call['kind']): boolean => {
    const described = catalogue.described(upstream).find((each) => each.name === name)?.described;
    return upstream.adapter.goesOn({ name, described }, kind);
  };
  return {
    ...linesOf(lasting, config),
    triesMax: carryOn.tries,
    comment: carryOn.comment,
    isOn: (model) => wishOf(model) !== 'off',
    goesOn: ({ trail, call }, target) => wishOf(trail.model) === 'on' || isKnownTo(target, call.kind),
    isOpen: (upstream) => drains.of(upstream) === undefined,
    isWell: (upstream) => health.of(upstream).state !== 'down',
    isAllowed: ({ principal, call, trail }, { code }) => {
      // An operator's wish is no failure: it makes no storm, and must not end a stream that could have gone on.
      if (code === 'upstream_draining') return true;
      const suspect = { tenant: principal.tenant, bytes: call.wire.bytes };
      const isBreaking = code === 'upstream_cut' && quarantineMs > 0;
      if (isBreaking && retries.quarantine.broke(suspect, trail.upstream, quarantineMs)) return false;
      return retries.budget.take(budget);
    },
    streams: drains.streams,
    onCarriedOn: (trail) => logCarriedOn(log, trail),
  };
}
