/** One configuration made ready to serve: its upstreams, models and chain. A reload makes another beside it. */

import { answerRoutes } from '../answers/answer-routes.ts';
import { degradedNames } from '../answers/degraded-names.ts';
import { documentRoutes } from '../answers/document-routes.ts';
import { isCloud } from '../config/billing-hosts.ts';
import type { Config } from '../config/schema.ts';
import type { TokenRates } from '../core/budget.ts';
import type { Received, Target, Upstream } from '../core/exchange.ts';
import type { KeyStore } from '../core/ports.ts';
import type { Handler } from '../core/stage.ts';
import { Priorities } from '../fleet/priorities.ts';
import { promptMarginUsual } from '../money/options.ts';
import type { Pricing } from '../money/price-exchange.ts';
import type { AttemptOptions } from '../pipeline/attempt.ts';
import { createChain } from '../pipeline/chain.ts';
import type { ReserveOptions } from '../pipeline/reserve.ts';
import type { ScheduleOptions } from '../pipeline/schedule.ts';
import { callRoutes } from '../protocol/call-routes.ts';
import { createRouteTable, type PlacedRoute, type RouteTable } from '../protocol/route-table.ts';
import { voices } from '../protocol/voices.ts';
import { defaultClocks } from '../routing/clocks.ts';
import { ModelTable } from '../routing/model-table.ts';
import { policies } from '../routing/policies/registry.ts';
import type { ConfiguredBudgets } from '../stores/budget-rules.ts';
import type { ConfiguredRateLimiter } from '../stores/limit-rules.ts';
import { createMemoryKeyStore, type StaticKey } from '../stores/memory/key-store.ts';
import { logAttempt } from '../telemetry/debug-lines.ts';
import { metricsType } from '../telemetry/metrics.ts';
import { createBatching } from './batching.ts';
import { configuredKeys } from './configured-keys.ts';
import { credentialsOf } from './credentials.ts';
import { createDoubtedCosts } from './doubted-costs.ts';
import type { Lasting } from './lasting.ts';
import { linesOf } from './lines.ts';
import { createPrices } from './prices.ts';
import { createSharing } from './sharing.ts';
import { createSurvival } from './survival.ts';
import { TokenPrices } from './token-prices.ts';
import type { Upstreams } from './upstreams.ts';

export interface Snapshot {
  readonly id: string;
  readonly config: Config;
  readonly upstreams: readonly Upstream[];
  readonly models: ModelTable;
  /** Everything that can be asked of it. */
  readonly routes: readonly PlacedRoute[];
  readonly limiter: ConfiguredRateLimiter;
  readonly budgets: ConfiguredBudgets;
  readonly handler: Handler<Received>;
  /** Who is known by a credential, on either listener. */
  readonly keys: KeyStore;
  /** Keys that stand in no file: made by the gateway itself. */
  readonly ownKeys: readonly StaticKey[];
  readonly tokenPrices: TokenPrices;
}

export interface SnapshotOptions {
  readonly id: string;
  readonly config: Config;
  readonly upstreams: Upstreams;
  /** What it takes the place of, if anything. */
  readonly before: Snapshot | undefined;
  /** Keys that stand in no file: made by the gateway itself. */
  readonly ownKeys: readonly StaticKey[];
  readonly refresh: (upstream: Upstream) => Promise<void>;
}

/** A large model over a slow line takes hours. */
const blobMs = 6 * 60 * 60 * 1000;
const answerBytesMax = 32 * 1024 * 1024;
const eventBytesMax = 4 * 1024 * 1024;

export function createSnapshot(lasting: Lasting, options: SnapshotOptions): Snapshot {
  const { config, id, upstreams } = options;
  const { clock } = lasting;
  const models = createModels(lasting, options);
  const routes = createRoutes(lasting, options, models);
  const rates = config.limits.map((limit) => ({ ...limit, route: nameOf(limit.route, routes.all) }));
  const limiter = options.before?.limiter.follow(rates) ?? lasting.shared.rateLimiter(rates);
  const { budgeting, shared } = lasting;
  const budgets = options.before?.budgets.follow(config.budgets) ?? shared.budgets(config.budgets, budgeting);
  const pricing = createPrices({ config, id, log: lasting.log });
  const ownKeys = createMemoryKeyStore([...options.ownKeys, ...configuredKeys(config)], clock);
  const keys = credentialsOf(lasting, config, ownKeys);
  const fleet = fleetOf(lasting, config);
  const handler = createChain({
    telemetry: {
      clock,
      accounts: lasting.accounts,
      configId: id,
      degraded: lasting.degraded,
      voices,
    },
    voices: { voices },
    routes: { routes },
    keys: {
      keys,
      wrongKeys: lasting.wrongKeys,
      required: config.auth !== 'none',
      metrics: config.telemetry.metrics.onClientPort,
      operatorBeyondLoopback: config.operator.beyondLoopback,
      homeTenant: config.identity.homeTenant,
    },
    limiter: { limiter },
    knowledge: { accepting: lasting.accepting, hasRoom: lasting.hasRoom },
    bodies: {
      allowParameters: new Set(config.allowParameters),
      homeTenant: config.identity.homeTenant,
    },
    replays: { claims: lasting.claims, bytesMax: config.idempotency.bytesMax },
    contents: { contents: config.privacy.content === 'allowed' ? lasting.privacy : undefined },
    conversations: { conversations: config.conversations.enabled ? lasting.conversations : undefined },
    routing: { models },
    sharing: createSharing(lasting, config, pricing),
    spending: { ...spendingOf(lasting, config, pricing), budgets: budgets.none ? undefined : budgets },
    batches: createBatching(lasting, config, fleet.priorities),
    survival: createSurvival(lasting, config),
    retries: retriesOf(lasting, config),
    fleet,
    lines: linesOf(lasting, config),
    delivery: {
      clock,
      underWay: lasting.underWay,
      health: lasting.health,
      written: lasting.accounts.written,
      answerBytesMax,
      eventBytesMax,
    },
  });
  return {
    id,
    config,
    upstreams: upstreams.all,
    models,
    routes: routes.all,
    limiter,
    budgets,
    handler,
    keys,
    ownKeys: options.ownKeys,
    tokenPrices: new TokenPrices(pricing),
  };
}

function retriesOf(lasting: Lasting, config: Config): AttemptOptions {
  const { retries, log } = lasting;
  return {
    ...retries,
    ...linesOf(lasting, config),
    attempts: config.retries.attempts,
    share: config.retries.budget,
    quarantineMs: config.retries.quarantineMs,
    onFailed: (trail, failure) => logAttempt(log, trail, failure),
  };
}

function fleetOf({ scheduler, clock, outputLengths }: Lasting, { queue }: Config): ScheduleOptions {
  return { scheduler, clock, lengths: outputLengths, priorities: new Priorities(queue.priorities) };
}

function isPriced({ inputPicoUsd, outputPicoUsd }: TokenRates): boolean {
  return inputPicoUsd + outputPicoUsd > 0;
}

function createRoutes(lasting: Lasting, options: SnapshotOptions, models: ModelTable): RouteTable {
  const { listen } = options.config;
  const { clock, catalogue, health, scheduler, accepting, auditor, readiness, renderMetrics } = lasting;
  const limits = { bodyBytesMax: listen.bodyBytesMax, bodyMs: listen.bodyMs };
  const documented: PlacedRoute[] = [
    ...callRoutes(limits),
    ...answerRoutes({
      clock,
      catalogue,
      health,
      scheduler,
      upstreams: options.upstreams.all,
      models,
      limits,
      blobLimits: { bodyBytesMax: listen.blobBytesMax, bodyMs: blobMs },
      refresh: options.refresh,
      onDeployed: (upstream, model) => lasting.warm.came(upstream, model),
      accepting,
      auditor,
      readiness,
      degraded: () => degradedNames(lasting.degraded()),
      dependencies: lasting.dependencies,
      renderMetrics: async () => ({ contentType: metricsType, text: await renderMetrics() }),
    }),
  ];
  return createRouteTable([...documented, ...(listen.docs ? documentRoutes(documented, limits) : [])]);
}

/** A limit names a path, and holds for the route behind it: its other paths are no way around. */
function nameOf(path: string | undefined, routes: readonly PlacedRoute[]): string | undefined {
  return path === undefined ? undefined : (routes.find((placed) => placed.path === path)?.route.name ?? path);
}

function spendingOf(lasting: Lasting, config: Config, pricing: Pricing): Omit<ReserveOptions, 'budgets'> {
  return {
    intend: lasting.accounts.intend,
    isBilled: (served) => isPriced(pricing.ratesAhead(served, 0)),
    price: pricing.price,
    priceMore: pricing.priceMore,
    onDoubted: createDoubtedCosts(lasting),
    lengths: lasting.outputLengths,
    ratesAhead: pricing.ratesAhead,
    answerTokensMax: pricing.answerTokensMax,
    promptMargin: config.prices.margin ?? promptMarginUsual,
  };
}

/** The nearest first. */
function zonesFrom({ zone, zones }: Config): readonly string[] {
  return zone === undefined ? [] : [zone, ...(zones[zone] ?? []).filter((other) => other !== zone)];
}

function createModels(lasting: Lasting, options: SnapshotOptions): ModelTable {
  const { config, upstreams } = options;
  const configured = Object.entries(config.upstreams);
  const clouds = new Set(configured.filter(([, upstream]) => isCloud(upstream)).map(([name]) => name));
  // What a cloud has in memory is its own affair: there is one way to it.
  const isOwn = ({ upstream }: Target) => !clouds.has(upstream.name);
  const zones = zonesFrom(config);
  const models = Object.entries(config.models).map(([name, model]) => {
    const targets = model.targets.flatMap((target) => {
      const upstream = upstreams.byName.get(target.upstream);
      if (upstream === undefined) return [];
      return [{ upstream, model: target.model, tier: target.tier, weight: target.weight }];
    });
    const affinity = model.affinity === 'on' || (model.affinity === 'auto' && targets.some(isOwn));
    const { clocks, fallback } = model;
    return [
      name,
      { targets, clocks, fallback, policy: policies[model.policy]({ zones, affinity }) },
    ] as const;
  });
  return new ModelTable({
    models: new Map(models),
    upstreams: upstreams.all,
    offers: lasting.catalogue,
    createPolicy: () => policies.auto({ zones, affinity: true }),
    defaultClocks,
    defaultModel: config.defaultModel,
  });
}
