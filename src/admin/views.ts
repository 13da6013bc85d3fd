/** What the admin API shows, read from the running gateway. */
import type { z } from 'zod';
import { degradedNames } from '../answers/degraded-names.ts';
import type { Upstream } from '../core/exchange.ts';
import type { DrainOrder } from '../fleet/drained.ts';
import type { AppliedConfig } from '../wiring/applied-config.ts';
import type { Gateway } from '../wiring/gateway.ts';
import type { Reloader } from '../wiring/reload.ts';
import type { Workers } from '../wiring/workers/workers.ts';
import type { configuredKeysShape, modelsShape, statusShape, upstreamsShape } from './shapes.ts';

/** What each process knows for itself. */
export interface Live {
  readonly gateway: Gateway;
  readonly version: string;
  /** What the configuration was read from. */
  readonly configFiles: () => readonly string[];
}

export interface Seen extends Live {
  readonly reloader: Reloader;
  readonly applied: AppliedConfig;
  /** Those that serve in place of this process, if any do. */
  readonly workers?: Workers | undefined;
}

export function viewStatus({ gateway, configFiles, version }: Live): z.input<typeof statusShape> {
  const { lasting, snapshot } = gateway;
  const uptimeMs = performance.now();
  return {
    version,
    pid: process.pid,
    startedAt: new Date(lasting.clock.wall() - uptimeMs).toISOString(),
    uptimeS: Math.floor(uptimeMs / 1000),
    configId: snapshot.id,
    configFiles: [...configFiles()],
    accepting: lasting.readiness() !== 'draining' && lasting.accepting(),
    replicas: lasting.shared.presence.count(),
    degraded: [...degradedNames(lasting.degraded())],
    inFlight: gateway.listener.inFlight,
    waiting: lasting.scheduler.waiting,
    rssBytes: process.memoryUsage.rss(),
  };
}

export function viewUpstreams({ gateway }: Live): z.input<typeof upstreamsShape> {
  const { snapshot } = gateway;
  return { upstreams: snapshot.upstreams.map((upstream) => viewUpstream(gateway, upstream)) };
}

function viewUpstream(gateway: Gateway, upstream: Upstream) {
  const { health, scheduler, catalogue, drains } = gateway.lasting;
  const configured = gateway.snapshot.config.upstreams[upstream.name];
  const { state, failures, lastFailure, sinceMs, standing, nextTryMs, modelsOut } = health.of(upstream);
  return {
    name: upstream.name,
    type: configured?.type ?? '',
    ...(configured !== undefined && 'url' in configured ? { url: configured.url } : {}),
    state,
    inFlight: scheduler.inFlight(upstream),
    slots: scheduler.limitOf(upstream),
    failures,
    ...(lastFailure === undefined ? {} : { lastFailure }),
    ...(sinceMs === 0 ? {} : { lastHeardAt: new Date(sinceMs).toISOString() }),
    standing,
    ...(nextTryMs === 0 ? {} : { nextTryAt: new Date(nextTryMs).toISOString() }),
    modelsOut: [...modelsOut],
    ...drainedOf(drains.of(upstream)),
    models: [...catalogue.of(upstream)],
  };
}

function drainedOf(order: DrainOrder | undefined) {
  if (order === undefined) return {};
  return { drained: { by: order.by, since: new Date(order.sinceMs).toISOString() } };
}

export function viewModels({ gateway }: Live): z.input<typeof modelsShape> {
  const { config, upstreams, models } = gateway.snapshot;
  const drained = new Set(
    upstreams.filter((upstream) => gateway.lasting.drains.of(upstream) !== undefined).map(({ name }) => name),
  );
  const told = <Place extends { readonly upstream: string }>(place: Place) =>
    drained.has(place.upstream) ? { ...place, drained: true as const } : place;
  const configured = Object.entries(config.models).map(([name, model]) => ({
    name,
    from: 'configuration' as const,
    policy: model.policy,
    targets: model.targets.map(({ upstream, model: itsName, tier }) =>
      told({ upstream, model: itsName, tier }),
    ),
  }));
  const offered = models
    .names()
    .filter((name) => !Object.hasOwn(config.models, name))
    .map((name) => ({
      name,
      from: 'upstream' as const,
      policy: 'auto',
      targets: upstreams
        .filter((upstream) => gateway.lasting.catalogue.of(upstream).includes(name))
        .map((upstream) => told({ upstream: upstream.name, model: name, tier: 1 })),
    }));
  const { defaultModel } = config;
  return { ...(defaultModel === undefined ? {} : { defaultModel }), models: [...configured, ...offered] };
}

export function viewConfiguredKeys({ gateway }: Live): z.input<typeof configuredKeysShape> {
  const { config, ownKeys } = gateway.snapshot;
  const own = ownKeys.map(({ principal: { keyName: name, tenant, role } }) => ({
    name,
    tenant,
    role,
    from: 'data' as const,
    scopes: { models: [], routes: [], addresses: [] },
    expiresAt: null,
  }));
  const configured = config.keys.map(({ name, tenant, role, scopes, expiresAt }) => ({
    name,
    tenant,
    role,
    from: 'configuration' as const,
    scopes: {
      models: [...scopes.models],
      routes: [...scopes.routes],
      addresses: [...scopes.addresses],
    },
    expiresAt,
  }));
  const keys = [...own, ...configured];
  return { auth: config.auth, keys };
}
