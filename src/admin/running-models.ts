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
  const { upstreams } = gateway.snapshot;
  const load = loadOf(gateway);
  return {
    waiting: gateway.lasting.scheduler.waiting,
    running: upstreams.flatMap((upstream) => viewUpstream(gateway, load, upstream)),
    machines: upstreams.map((upstream) => viewMachine(gateway, upstream)),
  };
}

/** What goes on everywhere, looked through once: there may be thousands of targets. */
interface Load {
  /** By the upstreams' identities. */
  readonly targets: ReadonlyMap<string, readonly Target[]>;
  /** By their places. */
  readonly inFlight: ReadonlyMap<string, number>;
  readonly queued: ReadonlyMap<string, number>;
  /** Of models that no configuration names, by their names: whoever offers one could serve them. */
  readonly queuedAnywhere: ReadonlyMap<string, number>;
}

function loadOf(gateway: Gateway): Load {
  const { scheduler, warm } = gateway.lasting;
  const place = (target: Target) => warm.residency.placeOf(target);
  const occupied = scheduler.occupied;
  const targets = Map.groupBy(
    [...configuredTargets(gateway), ...occupied],
    ({ upstream }) => upstream.identity,
  );
  return { targets, inFlight: counted(occupied.map((one) => [place(one), 1])), ...queuesOf(gateway) };
}

function viewUpstream(gateway: Gateway, load: Load, upstream: Upstream): readonly Running[] {
  const { residency } = gateway.lasting.warm;
  const rows = new Map<string, Target>();
  const add = (target: Target) => {
    const place = residency.placeOf(target);
    if (!rows.has(place)) rows.set(place, target);
  };
  for (const target of load.targets.get(upstream.identity) ?? []) add(target);
  for (const { name } of residency.holds(upstream)) add({ upstream, model: name, tier: 1, weight: 1 });
  return [...rows.values()].map((target) => viewTarget(gateway, load, target));
}

function configuredTargets({ snapshot }: Gateway): readonly Target[] {
  return Object.keys(snapshot.config.models).flatMap(
    (name) => snapshot.models.configured(name)?.targets ?? [],
  );
}

function viewTarget(gateway: Gateway, load: Load, target: Target): Running {
  const { scheduler, health, warm, drains } = gateway.lasting;
  const place = warm.residency.placeOf(target);
  const { upstream, model } = target;
  const held = warm.residency.find(target);
  return {
    model,
    upstream: upstream.name,
    state: health.of(upstream).state,
    ...(drains.of(upstream) === undefined ? {} : { drained: true }),
    inFlight: load.inFlight.get(place) ?? 0,
    slots: scheduler.known.slots(upstream),
    slotsFrom: scheduler.slotsFrom(upstream),
    queued: (load.queued.get(place) ?? 0) + (load.queuedAnywhere.get(target.model) ?? 0),
    inMemory: inMemory(gateway, target),
    ...(held === undefined || !warm.residency.isTold(upstream) ? {} : { loaded: describe(held) }),
  };
}

/** Those that wait could be served at each of these; by which server in the end, nobody knows yet. */
function queuesOf({ snapshot, lasting }: Gateway): Pick<Load, 'queued' | 'queuedAnywhere'> {
  const { scheduler, warm } = lasting;
  const queued: [place: string, waiting: number][] = [];
  const queuedAnywhere = new Map<string, number>();
  for (const name of snapshot.models.names()) {
    const waiting = scheduler.waitingFor(name);
    if (waiting === 0) continue;
    const targets = snapshot.models.configured(name)?.targets;
    const places = new Set(targets?.map((target) => warm.residency.placeOf(target)));
    for (const place of places) queued.push([place, waiting]);
    if (targets === undefined) queuedAnywhere.set(name, waiting);
  }
  return { queued: counted(queued), queuedAnywhere };
}

function counted(each: readonly (readonly [name: string, count: number])[]): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const [name, count] of each) sums.set(name, (sums.get(name) ?? 0) + count);
  return sums;
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
