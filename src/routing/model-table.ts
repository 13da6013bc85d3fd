/** Which targets stand behind a model's name: the operator's list first, then what upstreams offer by themselves. */
import type { Clocks, Fallback, Target, Upstream } from '../core/exchange.ts';
import { type Failure, fail } from '../core/failure.ts';
import type { Policy } from '../core/fleet.ts';
import { closest } from '../lib/closest.ts';
import { createPriority } from './policies/priority.ts';

export interface NamedModel {
  readonly name: string;
  readonly clocks: Clocks;
  /** Tiers in their order. */
  readonly targets: readonly Target[];
  readonly policy: Policy;
  /** Asked in this order when none of the targets can. */
  readonly fallbacks: readonly Fallback[];
}

export interface ConfiguredModel extends Omit<NamedModel, 'name' | 'fallbacks'> {
  /** Names of others on the list. */
  readonly fallback?: readonly string[];
}

/** What upstreams offer, as last heard from them. */
export interface Offers {
  /** The models an upstream offers. */
  of(upstream: Upstream): readonly string[];
  /** Whether the upstream ever told, be it that it offers nothing. */
  hasHeard(upstream: Upstream): boolean;
  /** Counts up whenever any of it changes. */
  readonly version: number;
}

export interface ModelTableOptions {
  readonly models: ReadonlyMap<string, ConfiguredModel>;
  readonly upstreams: readonly Upstream[];
  readonly offers: Offers;
  /** For a model that upstreams offer without an entry of its own. */
  readonly createPolicy: () => Policy;
  readonly defaultClocks: Clocks;
  readonly defaultModel: string | undefined;
}

/** Of upstreams that did not tell, so many are named. */
const unheardNamedMax = 5;
const unheardRetryS = 5;
const nameCharsMax = 200;
/** Where there is one target there is nothing to choose. */
const alone = createPriority();

export class ModelTable {
  readonly defaultModel: string | undefined;
  readonly #options: ModelTableOptions;
  readonly #configured = new Map<string, NamedModel>();
  /** Models asked for without an entry of their own. Forgotten when the offers change, so it cannot grow without end. */
  #offered = new Map<string, NamedModel>();
  #offersVersion = -1;

  constructor(options: ModelTableOptions) {
    this.#options = options;
    this.defaultModel = options.defaultModel;
    const plans = new Map<string, Fallback>();
    for (const [name, { policy, clocks, targets }] of options.models) {
      plans.set(name, {
        name,
        policy,
        clocks,
        targets: targets.toSorted((one, other) => one.tier - other.tier),
      });
    }
    for (const [name, plan] of plans) {
      const fallbacks = [...fallbacksOf(name, options.models)].flatMap((other) => plans.get(other) ?? []);
      this.#configured.set(name, { ...plan, fallbacks });
    }
  }

  find(name: string): NamedModel | undefined {
    return this.#configured.get(name) ?? this.#findOffered(name);
  }

  /** As `find`, for whoever cannot go on without: throws what `missing` says. */
  require(name: string): NamedModel {
    const found = this.find(name);
    if (found === undefined) throw this.missing(name);
    return found;
  }

  /**
   * Why nobody has a model of that name. As long as an upstream has never told what it offers, the name may be one of
   * its own: that is an outage (503) and not the client's mistake (404), however long it lasts, and even where the
   * name begins like `upstream/` of another, for models of routers are called so too. Who told once is known by what
   * it told, up or down, and a name behind its own `upstream/` needs no list.
   */
  missing(name: string, among = this.#options.upstreams): Failure {
    const shown = `"${name.slice(0, nameCharsMax)}"`;
    const similar = closest(name, this.names());
    const hint = similar === undefined ? '' : `; did you mean ${similar}?`;
    const unheard = this.#unheard(among);
    if (unheard.length === 0) {
      // Clients of Ollama look for "not found", those of OpenAI for "does not exist".
      return fail('model_not_found', `model not found: ${shown} does not exist here${hint}`, {
        param: 'model',
      });
    }
    const who = unheard.slice(0, unheardNamedMax).map((upstream) => upstream.name);
    const message = `the model ${shown} is not known yet: ${who.join(', ')} did not tell what there is${hint}`;
    return fail('no_upstream', message, { retryAfterS: unheardRetryS });
  }

  /** Whether there is no model of that name, now that every upstream has told what it has. */
  isNobodys(name: string): boolean {
    return this.find(name) === undefined && this.#unheard(this.#options.upstreams).length === 0;
  }

  #unheard(among: readonly Upstream[]): readonly Upstream[] {
    return among.filter((upstream) => !this.#options.offers.hasHeard(upstream));
  }

  /** What the operator's list says of a name, whatever upstreams offer. */
  configured(name: string): NamedModel | undefined {
    return this.#configured.get(name);
  }

  /** Every name that `find` knows without `upstream/` in front. */
  names(): readonly string[] {
    const names = new Set(this.#configured.keys());
    for (const upstream of this.#options.upstreams) {
      for (const model of this.#options.offers.of(upstream)) names.add(model);
    }
    return [...names];
  }

  #findOffered(name: string): NamedModel | undefined {
    if (this.#offersVersion !== this.#options.offers.version) {
      this.#offersVersion = this.#options.offers.version;
      this.#offered = new Map();
    }
    const known = this.#offered.get(name);
    if (known !== undefined) return known;
    const targets = this.#targetsOffering(name);
    const clocks = this.#options.defaultClocks;
    if (targets.length === 0) {
      const named = this.#targetNamed(name);
      // Not kept: whatever anybody makes up is such a name.
      return named === undefined
        ? undefined
        : { name, clocks, targets: [named], policy: alone, fallbacks: [] };
    }
    const found = { name, clocks, targets, policy: this.#options.createPolicy(), fallbacks: [] };
    this.#offered.set(name, found);
    return found;
  }

  /** `upstream/model` where the upstream told of no models: it knows itself what it has. */
  #targetNamed(name: string): Target | undefined {
    const { upstreams, offers } = this.#options;
    for (const upstream of upstreams) {
      const model = name.startsWith(`${upstream.name}/`) ? name.slice(upstream.name.length + 1) : '';
      if (model !== '' && offers.of(upstream).length === 0) return { upstream, model, tier: 1, weight: 1 };
    }
    return undefined;
  }

  #targetsOffering(name: string): readonly Target[] {
    const { upstreams, offers } = this.#options;
    const targets: Target[] = [];
    for (const upstream of upstreams) {
      const wanted = name.startsWith(`${upstream.name}/`) ? name.slice(upstream.name.length + 1) : name;
      const model = offers.of(upstream).find((offered) => sameModel(offered, wanted));
      if (model !== undefined) targets.push({ upstream, model, tier: 1, weight: 1 });
    }
    return targets;
  }
}

/** Those of a model, each followed by its own. The configuration knows no circles. */
function fallbacksOf(
  name: string,
  models: ReadonlyMap<string, ConfiguredModel>,
  found = new Set<string>(),
): ReadonlySet<string> {
  for (const other of models.get(name)?.fallback ?? []) {
    if (found.has(other)) continue;
    found.add(other);
    fallbacksOf(other, models, found);
  }
  return found;
}

/** Ollama's names mean `:latest` when they say nothing. */
function sameModel(offered: string, wanted: string): boolean {
  return offered === wanted || offered === `${wanted}:latest`;
}
