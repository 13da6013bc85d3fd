/**
 * Which models each server holds in memory, and how long loading one takes there: told by servers that tell it, else
 * guessed from when a model last answered. What is learnt outlives reloads.
 */
import type { Target, Upstream } from '../core/exchange.ts';
import type { Ending, ResidentModel } from '../core/fleet.ts';
import type { Clock } from '../lib/clock.ts';
import { LoadTimes } from './load-times.ts';

export interface Held extends ResidentModel {
  /** When it last served or was loaded, on the monotonic clock. */
  readonly usedMs: number;
}

/** What has happened on a server since it is known. */
export interface LoadCounts {
  readonly loads: number;
  readonly loadMs: number;
  readonly evictions: number;
  readonly resident: number;
}

export interface ResidencyOptions {
  readonly clock: Clock;
  /** A model was loaded there: what else it holds now is worth asking. */
  readonly onLoaded?: (upstream: Upstream) => void;
}

/** Servers keep an idle model for five minutes unless told otherwise. */
const warmMs = 270_000;
/** A server that had the model in memory takes less than this to say so. */
const loadToldMinMs = 250;
/** Of one server: clients may name as many as they like. */
const modelsMax = 1_000;

export class Residency {
  readonly #options: ResidencyOptions;
  readonly #servers = new Map<string, Server>();

  constructor(options: ResidencyOptions) {
    this.#options = options;
  }

  /** How long its model would take to load first; 0 where it is resident. What is being loaded has begun already. */
  loadMs({ upstream, model }: Target, nowMs?: number): number {
    if (!upstream.loadsModels) return 0;
    const server = this.#servers.get(upstream.identity) ?? unknownServer;
    return server.loadMs(plainName(model), this.#options.clock, nowMs);
  }

  /** Whether the model is there, or being loaded. */
  isPlaced({ upstream, model }: Target): boolean {
    if (!upstream.loadsModels) return true;
    const server = this.#servers.get(upstream.identity);
    return server?.isPlaced(plainName(model), this.#options.clock.now()) ?? false;
  }

  /** Something goes there that needs the model; whether that has to be loaded first. */
  began({ upstream, model }: Target): boolean {
    if (!upstream.loadsModels) return false;
    return this.#of(upstream).began(plainName(model), this.#options.clock.now());
  }

  ended(target: Target, ending: Ending): void {
    const { upstream, model } = target;
    if (!upstream.loadsModels) return;
    const server = this.#of(upstream);
    const hasLoaded = server.ended(plainName(model), ending, this.#options.clock.now());
    if (hasLoaded) this.#options.onLoaded?.(upstream);
  }

  /** How much of its model lies on a graphics processor; 1 where nobody tells. */
  gpuShare({ upstream, model }: Target): number {
    if (!upstream.loadsModels) return 1;
    return this.#servers.get(upstream.identity)?.gpuShare(plainName(model)) ?? 1;
  }

  /** What the server said it holds, when it was asked. */
  told(upstream: Upstream, models: readonly ResidentModel[], askedMs: number): void {
    this.#of(upstream).told(models, askedMs);
  }

  /** It was loaded because we asked for it. */
  loaded({ upstream, model }: Target, tookMs: number): void {
    this.#of(upstream).loaded(plainName(model), tookMs, this.#options.clock.now());
    this.#options.onLoaded?.(upstream);
  }

  /** Whoever was told that it has to be loaded waits for it no more, and it is not there. */
  notLoaded({ upstream, model }: Target): void {
    this.#servers.get(upstream.identity)?.notLoaded(plainName(model));
  }

  unloaded({ upstream, model }: Target): void {
    this.#servers.get(upstream.identity)?.forget(plainName(model));
  }

  /** What is known to be in its memory; guessed where it does not tell. */
  holds(upstream: Upstream): readonly Held[] {
    return this.#servers.get(upstream.identity)?.holds(this.#options.clock.now()) ?? [];
  }

  find({ upstream, model }: Target): Held | undefined {
    const name = plainName(model);
    return this.holds(upstream).find((held) => held.name === name);
  }

  /** The same text for targets that are the same. */
  placeOf({ upstream, model }: Target): string {
    return `${upstream.identity} ${plainName(model)}`;
  }

  isSame(one: Target, other: Target): boolean {
    return (
      one.upstream.identity === other.upstream.identity && plainName(one.model) === plainName(other.model)
    );
  }

  /** Whether the server itself told what it holds. */
  isTold(upstream: Upstream): boolean {
    return this.#servers.get(upstream.identity)?.isTold ?? false;
  }

  /** What would have to leave the server's memory if this were loaded, as far as its limits have shown. */
  evictedBy({ upstream, model }: Target): readonly string[] {
    return this.#servers.get(upstream.identity)?.evictedBy(plainName(model)) ?? [];
  }

  counts(upstream: Upstream): LoadCounts {
    const server = this.#servers.get(upstream.identity);
    const resident = this.holds(upstream).length;
    if (server === undefined) return { loads: 0, loadMs: 0, evictions: 0, resident };
    return { loads: server.loads, loadMs: server.loadedMs, evictions: server.evictions, resident };
  }

  /** Forgets servers that no configuration names any more. */
  keepOnly(upstreams: readonly Upstream[]): void {
    const kept = new Set(upstreams.map(({ identity }) => identity));
    for (const identity of this.#servers.keys()) if (!kept.has(identity)) this.#servers.delete(identity);
  }

  #of({ identity }: Upstream): Server {
    let server = this.#servers.get(identity);
    if (server === undefined) {
      server = new Server();
      this.#servers.set(identity, server);
    }
    return server;
  }
}

/** Ollama's names mean `:latest` when they say nothing. */
function plainName(model: string): string {
  return model.endsWith(':latest') ? model.slice(0, -':latest'.length) : model;
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** A model that is being loaded. */
interface Load {
  readonly sinceMs: number;
  /** How many wait for it. */
  waiting: number;
}

class Server {
  isTold = false;
  loads = 0;
  loadedMs = 0;
  evictions = 0;
  readonly #times = new LoadTimes();
  /** Where there are many, used longest ago first. */
  readonly #held = new Map<string, Writable<Held>>();
  /** Those that are expected to make room for another. */
  readonly #leaving = new Set<string>();
  readonly #loading = new Map<string, Load>();
  /** When each was last loaded, for requests that waited for one load together. */
  readonly #loadedAtMs = new Map<string, number>();
  /** How many models fit, once one had to leave for another. */
  #roomFor = Number.POSITIVE_INFINITY;

  /** Asked for each target of each request: what the server tells needs no look at the clock. */
  loadMs(model: string, clock: Clock, nowMs?: number): number {
    if (this.#isListed(model) && (this.isTold || this.#isWarm(model, nowMs ?? clock.now()))) return 0;
    const wholeMs = this.#times.of(model);
    const load = this.#loading.get(model);
    return load === undefined ? wholeMs : Math.max(1, wholeMs - ((nowMs ?? clock.now()) - load.sinceMs));
  }

  isPlaced(model: string, now: number): boolean {
    return this.#loading.has(model) || this.#isResident(model, now);
  }

  began(model: string, now: number): boolean {
    const held = this.#held.get(model);
    if (held !== undefined && this.#isResident(model, now)) {
      held.usedMs = now;
      return false;
    }
    const load = this.#loading.get(model);
    if (load === undefined) this.#startLoading(model, now);
    else load.waiting += 1;
    return true;
  }

  /** Whether the model was loaded for it. */
  ended(model: string, ending: Ending, now: number): boolean {
    const isThere = ending.outcome === 'served' || ending.firstContentMs > 0;
    if (!isThere) {
      if (ending.cold) this.notLoaded(model);
      return false;
    }
    this.#loading.delete(model);
    this.#use(model, now);
    // Nothing was loaded for longer than the request took, whatever the server says.
    const toldMs = ending.loadMs === undefined ? undefined : Math.min(ending.loadMs, ending.tookMs);
    if (toldMs === undefined) this.#times.learn(model, ending);
    const wasLoaded = toldMs === undefined ? ending.cold : toldMs >= loadToldMinMs;
    if (!wasLoaded) return false;
    if (toldMs !== undefined) this.#times.tell(model, toldMs);
    return this.#countLoad(model, ending, now);
  }

  /** One that was there already was not loaded. */
  loaded(model: string, tookMs: number, now: number): void {
    const wasThere = this.#isResident(model, now);
    this.#loading.delete(model);
    this.#use(model, now);
    if (wasThere) return;
    this.#times.tell(model, tookMs);
    bounded(this.#loadedAtMs, model, now);
    this.loads += 1;
    this.loadedMs += tookMs;
  }

  /** One that waited for it is gone without it. */
  notLoaded(model: string): void {
    const load = this.#loading.get(model);
    if (load === undefined) return;
    load.waiting -= 1;
    if (load.waiting > 0) return;
    this.#loading.delete(model);
    // Nobody comes any more for whom others would have to make room.
    if (this.#loading.size === 0) this.#leaving.clear();
  }

  told(models: readonly ResidentModel[], askedMs: number): void {
    const names = new Set(models.map(({ name }) => plainName(name)));
    this.#leaving.clear();
    for (const [name, held] of this.#held) {
      // What was used since the question was asked came after the answer.
      if (!names.has(name) && held.usedMs <= askedMs) this.#gone(held, names);
    }
    for (const model of models.slice(0, modelsMax)) {
      const name = plainName(model.name);
      const before = this.#held.get(name);
      this.#held.set(name, { ...model, name, usedMs: usedMs(before, model, askedMs) });
    }
    // More fit than was thought, be it that a smaller one left.
    if (models.length > this.#roomFor) this.#roomFor = models.length;
    this.isTold = true;
  }

  forget(model: string): void {
    this.#held.delete(model);
    this.#leaving.delete(model);
  }

  gpuShare(model: string): number {
    const { bytes, gpuBytes } = this.#held.get(model) ?? unknownModel;
    return bytes === undefined || bytes === 0 || gpuBytes === undefined ? 1 : gpuBytes / bytes;
  }

  holds(now: number): readonly Held[] {
    return [...this.#held.values()].filter(({ name }) => this.#isResident(name, now));
  }

  evictedBy(model: string): readonly string[] {
    const size = this.#held.size - this.#leaving.size;
    if (size < this.#roomFor || this.#held.has(model)) return [];
    const staying = [...this.#held.values()].filter(({ name }) => !this.#leaving.has(name));
    const byUse = staying.sort((one, other) => one.usedMs - other.usedMs);
    return byUse.slice(0, size - this.#roomFor + 1).map(({ name }) => name);
  }

  #startLoading(model: string, now: number): void {
    // Nobody is to be sent to a model that is on its way out.
    for (const name of this.evictedBy(model)) this.#leaving.add(name);
    bounded(this.#loading, model, { sinceMs: now, waiting: 1 });
  }

  #isResident(model: string, now: number): boolean {
    return this.#isListed(model) && (this.isTold || this.#isWarm(model, now));
  }

  /** Servers list what they load as if it were there. */
  #isListed(model: string): boolean {
    return this.#held.has(model) && !this.#leaving.has(model) && !this.#loading.has(model);
  }

  /** Used so lately that it will be there still, where the server does not tell. */
  #isWarm(model: string, now: number): boolean {
    return now - (this.#held.get(model)?.usedMs ?? Number.NEGATIVE_INFINITY) <= warmMs;
  }

  #use(model: string, now: number): void {
    const before = this.#held.get(model);
    this.#leaving.delete(model);
    if (before !== undefined && this.#held.size <= modelsMax / 2) {
      before.usedMs = now;
      return;
    }
    this.#held.delete(model);
    bounded(this.#held, model, { ...unknownModel, ...before, name: model, usedMs: now });
  }

  /** Where another has come since it was used it had to make room: so many fit, and no more. */
  #gone(held: Held, names: ReadonlySet<string>): void {
    this.#held.delete(held.name);
    const isReplaced = [...names].some(
      (name) => !this.#held.has(name) || (this.#loadedAtMs.get(name) ?? 0) > held.usedMs,
    );
    if (!isReplaced) return;
    this.evictions += 1;
    this.#roomFor = names.size;
  }

  #countLoad(model: string, { tookMs, firstContentMs, loadMs, cold }: Ending, now: number): boolean {
    const lastMs = this.#loadedAtMs.get(model);
    if (lastMs !== undefined && lastMs > now - tookMs) return false;
    bounded(this.#loadedAtMs, model, now);
    this.loads += 1;
    this.loadedMs += loadMs ?? (cold ? this.#times.shareOf(model, firstContentMs) : 0);
    return true;
  }
}

const unknownServer = new Server();
const unknownModel = { bytes: undefined, gpuBytes: undefined, untilMs: undefined };

/** A server that puts the end off has been used meanwhile, whoever asked it. */
function usedMs(before: Held | undefined, model: ResidentModel, askedMs: number): number {
  if (before === undefined) return askedMs;
  const isPutOff = (model.untilMs ?? 0) > (before.untilMs ?? Number.POSITIVE_INFINITY);
  return isPutOff ? Math.max(before.usedMs, askedMs) : before.usedMs;
}

/** What has been there longest makes room. */
function bounded<T>(kept: Map<string, T>, model: string, value: T): void {
  kept.set(model, value);
  if (kept.size <= modelsMax) return;
  const [oldest] = kept.keys();
  if (oldest !== undefined) kept.delete(oldest);
}
