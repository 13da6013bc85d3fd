/** Which models work or are loaded where, as last told: nothing is asked because somebody looks. */
import type { z } from 'zod';
import type { Target, Upstream } from '../core/exchange.ts';
import type { Held } from '../fleet/residency.ts';
import type { Utilisation } from '../fleet/utilisation.ts';
import { type Provider, providers } from '../providers/registry.ts';
import type { Gateway } from '../wiring/gateway.ts';
import type { psShape } from './shapes.ts';

type Shown = z.input<typeof psShape>;
type Running = Shown['running'][number];

export function viewRunning(gateway: Gateway): Shown {
  const { scheduler } = gateway.lasting;
  const { upstreams } = gateway.snapshot;
  return {
    waiting: scheduler.waiting,
    running: upstreams.flatMap((upstream) => viewUpstream(gateway, upstream)),
    machines: upstreams.map((upstream) => viewMachine(gateway, upstream)),
  };
}

function viewUpstream(gateway: Gateway, upstream: Upstream): readonly Running[] {
  const { scheduler, warm } = gateway.lasting;
  const { residency } = warm;
  const rows = new Map<string, Target>();
  const add = (target: Target) => {
    if (target.upstream.identity !== upstream.identity) return;
    const known = [...rows.values()].some((other) => residency.isSame(other, target));
    if (!known) rows.set(target.model, target);
  };
  for (const target of configuredTargets(gateway)) add(target);
  for (const target of scheduler.occupied) add(target);
  for (const { name } of residency.holds(upstream)) add({ upstream, model: name, tier: 1, weight: 1 });
  return [...rows.values()].map((target) => viewTarget(gateway, target));
}

function configuredTargets({ snapshot }: Gateway): readonly Target[] {
  return Object.keys(snapshot.config.models).flatMap(
    (name) => snapshot.models.configured(name)?.targets ?? [],
  );
}

function viewTarget(gateway: Gateway, target: Target): Running {
  const { scheduler, health, warm, drains } = gateway.lasting;
  const { upstream, model } = target;
  const held = warm.residency.find(target);
  return {
    model,
    upstream: upstream.name,
    state: health.of(upstream).state,
    ...(drains.of(upstream) === undefined ? {} : { drained: true }),
    inFlight: scheduler.occupied.filter((running) => warm.residency.isSame(running, target)).length,
    slots: scheduler.known.slots(upstream),
    slotsFrom: scheduler.slotsFrom(upstream),
    queued: queuedFor(gateway, target),
    inMemory: inMemory(gateway, target),
    ...(held === undefined || !warm.residency.isTold(upstream) ? {} : { loaded: describe(held) }),
  };
}

/** Those that wait could be served here; by which server in the end, nobody knows yet. */
function queuedFor({ snapshot, lasting }: Gateway, target: Target): number {
  const { scheduler, warm } = lasting;
  const names = snapshot.models.names().filter((name) => {
    const targets = snapshot.models.configured(name)?.targets;
    return targets === undefined
      ? name === target.model
      : targets.some((one) => warm.residency.isSame(one, target));
  });
  return names.reduce((sum, name) => sum + scheduler.waitingFor(name), 0);
}

function inMemory({ lasting, snapshot }: Gateway, target: Target): Running['inMemory'] {
  const { warm, catalogue } = lasting;
  const { upstream, model } = target;
  if (upstream.loadsModels) {
    if (warm.residency.loadMs(target) === 0) return 'yes';
    return warm.residency.isTold(upstream) ? 'no' : 'unknown';
  }
  const type = snapshot.config.upstreams[upstream.name]?.type;
  const provider: Provider | undefined = type === undefined ? undefined : providers[type];
  const offered = catalogue.described(upstream).find(({ name }) => name === model);
  // Such a server has one model, and has it as long as it runs.
  return offered !== undefined && provider?.slotsTold?.isToldBy(offered.described) === true
    ? 'yes'
    : 'unknown';
}

function describe({ bytes, gpuBytes, untilMs }: Held): NonNullable<Running['loaded']> {
  return {
    ...(bytes === undefined ? {} : { bytes }),
    ...(gpuBytes === undefined ? {} : { gpuBytes }),
    ...(untilMs === undefined ? {} : { until: new Date(untilMs).toISOString() }),
  };
}

function viewMachine(gateway: Gateway, upstream: Upstream): Shown['machines'][number] {
  const { warm } = gateway.lasting;
  const { loads, loadMs, evictions } = warm.residency.counts(upstream);
  return {
    upstream: upstream.name,
    loads,
    loadMs: Math.round(loadMs),
    evictions,
    ...rounded(warm.exporters.of(upstream)),
  };
}

function rounded(utilisation: Utilisation | undefined): Partial<Record<keyof Utilisation, number>> {
  return Object.fromEntries(
    Object.entries(utilisation ?? {}).flatMap(([name, value]: [string, number | undefined]) =>
      value === undefined ? [] : [[name, Math.round(value)]],
    ),
  );
}
