/** Connects what keeps models in memory with the fleet: what is told, what is wanted, and who may be asked. */
import type { Config } from '../config/schema.ts';
import type { Target, Upstream } from '../core/exchange.ts';
import { type Failure, fail } from '../core/failure.ts';
import type { Keeping } from '../core/fleet.ts';
import { withoutSecrets } from '../core/without-secrets.ts';
import { CopyBounds } from '../fleet/copy-bounds.ts';
import { Loader } from '../fleet/loader.ts';
import type { Step } from '../fleet/placement.ts';
import { Residency } from '../fleet/residency.ts';
import { Warming, type WarmModel, type WarmPlan, type WarmReason } from '../fleet/warming.ts';
import { type LoadedWatch, watchLoaded } from '../fleet/watch-loaded.ts';
import type { Clock } from '../lib/clock.ts';
import { type Provider, providers } from '../providers/registry.ts';
import type { Shared } from '../stores/shared-state.ts';
import { logUntold } from '../telemetry/debug-lines.ts';
import { renderLoads } from '../telemetry/load-metrics.ts';
import type { Log } from '../telemetry/log.ts';
import { Exporters } from './exporters.ts';
import type { Snapshot } from './snapshot.ts';
import { createWarmRules, type WarmRules } from './warm-rules.ts';
import { createWarmView, type Fleet } from './warm-view.ts';

export interface WarmModelsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly shared: Pick<Shared, 'claim'>;
  /** What was made after it. */
  readonly fleet: () => Fleet;
}

/** What one configuration says of them. */
interface Followed {
  readonly config: Config;
  readonly upstreams: readonly Upstream[];
  readonly rules: WarmRules;
}

export class WarmModels {
  readonly residency: Residency;
  readonly loader: Loader;
  readonly exporters: Exporters;
  /** How many servers may hold a model. */
  readonly copies: CopyBounds;
  readonly #options: WarmModelsOptions;
  readonly #warming: Warming;
  #followed: Followed | undefined;
  #watch: LoadedWatch | undefined;

  constructor(options: WarmModelsOptions) {
    const { clock, shared } = options;
    this.#options = options;
    this.exporters = new Exporters(options);
    const keepingOf = (upstream: Upstream) => this.#keepingOf(upstream);
    this.residency = new Residency({ clock, onLoaded: (upstream) => this.#watch?.soon(upstream) });
    this.copies = new CopyBounds({ isPlaced: (target) => this.residency.isPlaced(target) });
    this.loader = new Loader({
      clock,
      residency: this.residency,
      keepingOf,
      refusal: (upstream, { status, body }) =>
        withoutSecrets(upstream, upstream.adapter.decodeFailure(status, body.toString('utf8'))),
    });
    this.#warming = new Warming({
      clock,
      residency: this.residency,
      loader: this.loader,
      view: createWarmView({ ...options, residency: this.residency, exporters: this.exporters }),
      claim: (name, ttlMs) => shared.claim(name, ttlMs),
      onDone: (step, reason, failure) => this.#tell(step, reason, failure),
    });
  }

  /** True where nothing has to be waited for before this gateway is ready. */
  get isWarm(): boolean {
    return this.#followed?.config.warm.waitForReady !== true || this.#warming.isWarm;
  }

  /** Metrics of servers that load models. */
  readonly render = (): string => {
    const servers = (this.#followed?.upstreams ?? []).filter(({ loadsModels }) => loadsModels);
    return renderLoads(
      servers.map((upstream) => ({ upstream: upstream.name, ...this.residency.counts(upstream) })),
    );
  };

  /** As the configuration says for it. Resolves to how long it took; rejects with a Failure. */
  load(target: Target): Promise<number> {
    const rule = this.#followed?.rules(target.upstream.name, target.model);
    if (rule === undefined) return Promise.reject(fail('no_upstream', 'the gateway has not begun yet'));
    return this.loader.load(target, { ...rule, timeoutMs: rule.loadMs });
  }

  /** Pulled or made through this gateway. */
  came(upstream: Upstream, model: string): void {
    this.#warming.came(upstream, model);
  }

  follow({ config, upstreams, models }: Snapshot): void {
    const { clock, log } = this.#options;
    this.#watch?.stop();
    const rules = createWarmRules(config);
    this.#followed = { config, upstreams, rules };
    this.residency.keepOnly(upstreams);
    this.exporters.follow(config);
    this.copies.follow(mostCopies(config));
    // Who waits for a copy may find that there may be more of them.
    this.#options.fleet().lasting.scheduler.wake();
    const plan = this.#planFor(this.#followed, (name) => models.find(name)?.targets ?? []);
    for (const { name } of plan.models.filter((model) => model.isUpToOthers()))
      log.warn(
        { model: name },
        'nobody is asked to load it: all who serve it have it as they like, or are paid',
      );
    this.#warming.follow(plan);
    this.#watch = watchLoaded(upstreams, {
      clock,
      residency: this.residency,
      everyMs: config.health.everyMs,
      keepingOf: (upstream) => this.#keepingOf(upstream),
      onTold: (upstream) => {
        this.#warming.told(upstream);
        // A copy that somebody waits for may have gone.
        if (!this.copies.isEmpty) this.#options.fleet().lasting.scheduler.wake();
      },
      onUntold: (upstream, failure) => logUntold(log, upstream, failure),
    });
  }

  close(): void {
    this.exporters.close();
    this.#watch?.stop();
    this.#warming.close();
  }

  #planFor(followed: Followed, targetsOf: (name: string) => readonly Target[]): WarmPlan {
    const { config, upstreams, rules } = followed;
    const { onStart, models } = config.warm;
    const placed = Object.entries(models).flatMap(([name, { copies }]) =>
      copies === undefined ? [] : [name],
    );
    const isUpToOthers = (targets: readonly Target[]) =>
      targets.length > 0 && !targets.some((target) => this.loader.canLoad(target));
    const named = (name: string): WarmModel => ({
      name,
      onStart: onStart.includes(name),
      copies: models[name]?.copies,
      targets: () => targetsOf(name).filter((target) => this.loader.canLoad(target)),
      isUpToOthers: () => isUpToOthers(targetsOf(name)),
    });
    return {
      models: [...new Set([...onStart, ...placed])].map(named),
      upstreams: upstreams.filter((upstream) => this.#keepingOf(upstream) !== undefined),
      everyMs: config.health.everyMs,
      ruleOf: ({ upstream, model }) => rules(upstream.name, model),
    };
  }

  /** Nobody who is paid is asked to load anything: it would cost money, or mean nothing. */
  #keepingOf({ name }: Upstream): Keeping | undefined {
    const configured = this.#followed?.config.upstreams[name];
    if (configured === undefined) return undefined;
    const provider: Provider = providers[configured.type];
    const isPaid = 'url' in configured && provider.paid(configured.url);
    return isPaid ? undefined : provider.keeping;
  }

  #tell({ kind, target }: Step, reason: WarmReason, failure: Failure | undefined): void {
    const { log } = this.#options;
    const facts = { upstream: target.upstream.name, model: target.model, reason };
    if (failure === undefined) log.info(facts, `a model is ${kind}ed`);
    else
      log.warn({ ...facts, code: failure.code, message: failure.message }, `a model could not be ${kind}ed`);
  }
}

/** By the names that clients see. */
function mostCopies({ warm }: Config): ReadonlyMap<string, number> {
  const bounded = Object.entries(warm.models).flatMap(([name, { copies }]) =>
    copies === undefined ? [] : [[name, copies.max] as const],
  );
  return new Map(bounded);
}
