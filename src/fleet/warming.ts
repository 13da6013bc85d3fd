/** Keeps models where they are wanted: loads them at the start and by demand, and unloads what nobody asks for. */
import type { Target, Upstream } from '../core/exchange.ts';
import { asFailure, type Failure } from '../core/failure.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Loader } from './loader.ts';
import { coolDownMs, type Place, type PlacedModel, Placement, type Step } from './placement.ts';
import type { Held, Residency } from './residency.ts';

/** What one configuration wants. */
export interface WarmPlan {
  /** Those that are loaded at the start, or placed by demand. */
  readonly models: readonly WarmModel[];
  /** Servers that may be asked to unload what nobody asks for. */
  readonly upstreams: readonly Upstream[];
  readonly everyMs: number;
  ruleOf(target: Target): WarmRule;
}

export interface WarmModel {
  readonly name: string;
  readonly onStart: boolean;
  readonly copies: { readonly min: number; readonly max: number } | undefined;
  /** Where it may be loaded, as known now: never where a call costs money. */
  targets(): readonly Target[];
  /** Whether all who serve it have it as they like, and are asked for nothing. */
  isUpToOthers(): boolean;
}

export interface WarmRule {
  readonly keepAliveMs: number | undefined;
  readonly idleUnloadMs: number | undefined;
  readonly prompt: string | undefined;
  /** How long loading may take. */
  readonly loadMs: number;
}

/** What is known of the fleet. */
export interface WarmView {
  /** Requests of that model, under way and waiting, in this gateway. */
  demand(model: string): number;
  inFlight(target: Target): number;
  slots(upstream: Upstream): number;
  isDown(upstream: Upstream): boolean;
  /** What its GPUs have left, where something tells. */
  freeBytes(upstream: Upstream): number | undefined;
  replicas(): number;
}

/** Why a model was loaded or unloaded. */
export type WarmReason = 'start' | 'deploy' | 'demand' | 'idle';

export interface WarmingOptions {
  readonly clock: Clock;
  readonly residency: Residency;
  readonly loader: Loader;
  readonly view: WarmView;
  /** True for one of the replicas that ask for the same within that time. */
  readonly claim: (name: string, ttlMs: number) => Promise<boolean>;
  readonly onDone: (step: Step, reason: WarmReason, failure: Failure | undefined) => void;
}

/** Replicas start within this. Whoever comes later finds the model loaded. */
const claimMs = 60_000;
/** A gateway whose models cannot be loaded is of more use than none. */
const waitedMaxMs = 600_000;
const triesMax = 3;

/** What replicas claim, so that one of them does it. */
interface Turn {
  readonly name: string;
  readonly forMs: number;
}

interface StartLoad {
  readonly key: string;
  readonly tries: number;
  readonly reason: WarmReason;
}

export class Warming {
  readonly #options: WarmingOptions;
  readonly #placement = new Placement();
  #plan: WarmPlan | undefined;
  /** Targets of the start that were seen to, and how often they were tried. */
  readonly #tries = new Map<string, number>();
  /** Those that are there, or whose last try has ended. */
  readonly #settled = new Set<string>();
  /** What is being done, or waits for its turn. */
  readonly #doing = new Set<string>();
  #timer: Timer | undefined;
  #isPlacing = false;
  readonly #startedMs: number;

  constructor(options: WarmingOptions) {
    this.#options = options;
    this.#startedMs = options.clock.now();
  }

  /** From now on; nothing at all is done where nothing is wanted. */
  follow(plan: WarmPlan): void {
    this.#plan = plan;
    const named = new Set(this.#ofStart().map(keyOf));
    for (const key of this.#tries.keys()) if (!named.has(key)) this.#forget(key);
    this.#timer?.cancel();
    this.#again();
  }

  /** A server told what it holds: what it should hold from the start on and does not is loaded. */
  told(upstream: Upstream): void {
    for (const target of this.#ofStart()) {
      if (target.upstream.identity !== upstream.identity) continue;
      const key = keyOf(target);
      const tries = this.#tries.get(key) ?? 0;
      if (this.#doing.has(key) || tries >= triesMax) continue;
      // Once it has been there it comes and goes with those who ask for it.
      if (this.#options.residency.loadMs(target) === 0) this.#settle(key);
      else void this.#loadAtStart(target, { key, tries: tries + 1, reason: 'start' });
    }
  }

  /** A model was pulled or made there: one of the start is loaded now, however often it could not be before. */
  came(upstream: Upstream, model: string): void {
    for (const target of this.#ofStart()) {
      const isIt = this.#options.residency.isSame(target, { ...target, upstream, model });
      if (isIt) void this.#loadAtStart(target, { key: keyOf(target), tries: 1, reason: 'deploy' });
    }
  }

  /** Whether every model of the start is there somewhere, or could not be loaded. */
  get isWarm(): boolean {
    if (this.#options.clock.now() - this.#startedMs >= waitedMaxMs) return true;
    return (this.#plan?.models ?? []).every(
      (model) => !model.onStart || model.isUpToOthers() || this.#isSettled(firstTier(model.targets())),
    );
  }

  close(): void {
    this.#plan = undefined;
    this.#timer?.cancel();
  }

  #isSettled(targets: readonly Target[]): boolean {
    if (targets.some((target) => this.#options.residency.loadMs(target) === 0)) return true;
    return targets.length > 0 && targets.every((target) => this.#settled.has(keyOf(target)));
  }

  /** Of models with copies the placement sees to them. */
  #ofStart(): readonly Target[] {
    const models = (this.#plan?.models ?? []).filter(
      ({ onStart, copies }) => onStart && copies === undefined,
    );
    return models.flatMap((model) => firstTier(model.targets()));
  }

  async #loadAtStart(target: Target, { key, tries, reason }: StartLoad): Promise<void> {
    this.#tries.set(key, tries);
    const step = { kind: 'load', model: target.model, target } as const;
    // Of what was deployed through this gateway no other knows.
    const forMs = reason === 'start' ? claimMs : 1;
    const failure = await this.#do(step, reason, { name: `${reason} ${tries}`, forMs });
    if (failure === undefined || tries >= triesMax) this.#settle(key);
  }

  #settle(key: string): void {
    this.#tries.set(key, triesMax);
    this.#settled.add(key);
  }

  #forget(key: string): void {
    this.#tries.delete(key);
    this.#settled.delete(key);
  }

  /** Nothing where it went well, or where another replica does it. */
  async #do(step: Step, reason: WarmReason, turn: Turn): Promise<Failure | undefined> {
    const { claim, onDone } = this.#options;
    const key = keyOf(step.target);
    if (this.#doing.has(key)) return undefined;
    this.#doing.add(key);
    try {
      if (!(await claim(`warm ${turn.name} ${step.kind} ${key}`, turn.forMs))) return undefined;
      await this.#ask(step);
      onDone(step, reason, undefined);
      return undefined;
    } catch (thrown) {
      const failure = asFailure(thrown);
      onDone(step, reason, failure);
      return failure;
    } finally {
      this.#doing.delete(key);
    }
  }

  async #ask({ kind, target }: Step): Promise<void> {
    const { loader } = this.#options;
    const rule = this.#plan?.ruleOf(target);
    if (kind === 'unload') await loader.unload(target);
    else if (rule !== undefined) await loader.load(target, { ...rule, timeoutMs: rule.loadMs });
  }

  #again(): void {
    const plan = this.#plan;
    if (plan === undefined) return;
    this.#timer = this.#options.clock.after(plan.everyMs, () => {
      this.#unloadIdle(plan);
      void this.#place(plan);
      this.#again();
    });
  }

  #unloadIdle(plan: WarmPlan): void {
    const { residency, view, clock, loader } = this.#options;
    const now = clock.now();
    for (const upstream of plan.upstreams) {
      if (!residency.isTold(upstream)) continue;
      for (const held of residency.holds(upstream)) {
        const target = { upstream, model: held.name, tier: 1, weight: 1 };
        const { idleUnloadMs } = plan.ruleOf(target);
        const isIdle = idleUnloadMs !== undefined && now - held.usedMs >= idleUnloadMs;
        if (!isIdle || !loader.canUnload(target) || view.inFlight(target) > 0 || this.#hasToStay(target))
          continue;
        void this.#do({ kind: 'unload', model: held.name, target }, 'idle', { name: 'idle', forMs: claimMs });
      }
    }
  }

  /** Whether it is one of the copies that are to be there whoever asks. */
  #hasToStay(target: Target): boolean {
    const { residency } = this.#options;
    return (this.#plan?.models ?? []).some((model) => {
      const min = leastOf(model);
      if (min === 0) return false;
      const copies = model.targets().filter((one) => residency.loadMs(one) === 0);
      return copies.length <= min && copies.some((one) => residency.isSame(one, target));
    });
  }

  async #place(plan: WarmPlan): Promise<void> {
    if (this.#isPlacing || !plan.models.some(({ copies }) => copies !== undefined)) return;
    const { clock } = this.#options;
    const step = this.#placement.next(this.#placed(plan), clock.now());
    if (step === undefined) return;
    this.#isPlacing = true;
    this.#placement.took(step, clock.now());
    await this.#do(step, 'demand', { name: 'demand', forMs: coolDownMs });
    this.#placement.took(step, clock.now());
    this.#isPlacing = false;
  }

  #placed({ models }: WarmPlan): readonly PlacedModel[] {
    const { view } = this.#options;
    return models.flatMap((model) => {
      if (model.copies === undefined) return [];
      const { name, copies } = model;
      const targets = model.targets().filter((target) => this.#canBePlaced(target));
      const places = targets.map((target) => this.#placeAt(target));
      // Others of us have as much to do: what is balanced between us is balanced.
      const demand = view.demand(name) * view.replicas();
      return [{ name, min: leastOf(model), max: copies.max, demand, places }];
    });
  }

  /** Where nobody tells what is loaded, nobody can say how many copies there are; and a copy must be able to go again. */
  #canBePlaced(target: Target): boolean {
    const { residency, view, loader } = this.#options;
    const { upstream } = target;
    return residency.isTold(upstream) && !view.isDown(upstream) && loader.canUnload(target);
  }

  #placeAt(target: Target): Place {
    const { residency, view, clock } = this.#options;
    const { upstream } = target;
    const held = residency.find(target);
    const evicted = residency.evictedBy(target).map((model) => ({ ...target, model }));
    return {
      target,
      isResident: held !== undefined,
      inFlight: view.inFlight(target),
      slots: view.slots(upstream),
      idleMs: held === undefined ? 0 : clock.now() - held.usedMs,
      bytes: this.#bytesOf(target, held),
      freeBytes: view.freeBytes(upstream),
      evicts: evicted.length,
      evictsNeeded: evicted.some((one) => view.inFlight(one) > 0 || this.#hasToStay(one)),
    };
  }

  /** What it takes on another server is what it takes here. */
  #bytesOf({ model }: Target, held: Held | undefined): number | undefined {
    if (held !== undefined) return held.bytes;
    const { residency } = this.#options;
    const elsewhere = (this.#plan?.upstreams ?? []).map((upstream) =>
      residency.find({ upstream, model, tier: 1, weight: 1 }),
    );
    return elsewhere.find((one) => one?.bytes !== undefined)?.bytes;
  }
}

/** One that is wanted from the start is there at least once. */
function leastOf({ onStart, copies }: WarmModel): number {
  return Math.max(copies?.min ?? 0, copies !== undefined && onStart ? 1 : 0);
}

/** Tiers are asked one after the other: what is foreseen is foreseen for the first. */
export function firstTier(targets: readonly Target[]): readonly Target[] {
  const first = Math.min(...targets.map(({ tier }) => tier));
  return targets.filter(({ tier }) => tier === first);
}

function keyOf({ upstream, model }: Target): string {
  return `${upstream.identity} ${model}`;
}
