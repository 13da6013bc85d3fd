/** Where copies of a model are loaded and unloaded, by demand and within the operator's bounds. Pure: state and clock in, one step out. */
import type { Target } from '../core/exchange.ts';

export interface PlacedModel {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Requests for it that are under way or wait, now. */
  readonly demand: number;
  /** Every server that could hold it, and may be asked. */
  readonly places: readonly Place[];
}

export interface Place {
  readonly target: Target;
  readonly isResident: boolean;
  readonly inFlight: number;
  /** How many requests it works on at once. */
  readonly slots: number;
  readonly idleMs: number;
  /** What the model takes, and what the server has left; undefined where nobody knows. */
  readonly bytes: number | undefined;
  readonly freeBytes: number | undefined;
  /** How many other models would have to leave for it, and whether one of them is in use or has to stay. */
  readonly evicts: number;
  readonly evictsNeeded: boolean;
}

export interface Step {
  readonly kind: 'load' | 'unload';
  readonly model: string;
  readonly target: Target;
}

/** Demand is averaged over this, so that a burst loads nothing that is idle before it is loaded. */
const averageMs = 60_000;
/** After a change its effect is to be seen before the next. */
export const coolDownMs = 60_000;
/** Another copy when those there are are as busy as this, one less when the others would be no busier than that. */
const busy = 0.8;
const idle = 0.5;
/** Of requests at a time, on average: below it nobody uses a model. */
const unusedDemand = 0.01;

export class Placement {
  readonly #demand = new Map<string, { average: number; atMs: number }>();
  readonly #changedMs = new Map<string, number>();

  /** What is to be done next, if anything: one thing at a time. */
  next(models: readonly PlacedModel[], nowMs: number): Step | undefined {
    this.#forgetOthers(models);
    let step: Step | undefined;
    // All of them, so that each one's demand is averaged.
    for (const model of models) {
      const demand = this.#average(model, nowMs);
      step ??= this.#isCoolingDown(model, nowMs) ? undefined : stepFor(model, demand);
    }
    return step;
  }

  /** The step was begun, by whoever: also one that fails is not tried again at once. */
  took({ model }: Step, nowMs: number): void {
    this.#changedMs.set(model, nowMs);
  }

  #average({ name, demand }: PlacedModel, nowMs: number): number {
    const before = this.#demand.get(name) ?? { average: demand, atMs: nowMs };
    const weight = 1 - Math.exp((before.atMs - nowMs) / averageMs);
    const average = before.average + weight * (demand - before.average);
    this.#demand.set(name, { average, atMs: nowMs });
    return average;
  }

  #isCoolingDown({ name }: PlacedModel, nowMs: number): boolean {
    const changedMs = this.#changedMs.get(name);
    return changedMs !== undefined && nowMs - changedMs < coolDownMs;
  }

  #forgetOthers(models: readonly PlacedModel[]): void {
    const names = new Set(models.map(({ name }) => name));
    for (const name of this.#demand.keys()) if (!names.has(name)) this.#demand.delete(name);
    for (const name of this.#changedMs.keys()) if (!names.has(name)) this.#changedMs.delete(name);
  }
}

function stepFor(model: PlacedModel, demand: number): Step | undefined {
  const { places, min, max, name } = model;
  const copies = places.filter(({ isResident }) => isResident);
  const room = copies.reduce((sum, { slots }) => sum + slots, 0);
  const isShort = copies.length < min || (copies.length < max && demand > room * busy);
  if (isShort) return stepTo('load', name, bestToLoad(places));
  const surplus = surplusOf(copies);
  if (surplus === undefined) return undefined;
  const leastCopies = Math.max(min, demand > unusedDemand || model.demand > 0 ? 1 : 0);
  const isTooMany = copies.length > max || demand < (room - surplus.slots) * idle;
  const isLastUnused = copies.length === 1 && demand <= unusedDemand;
  const mayGo = copies.length > leastCopies && (isTooMany || isLastUnused);
  return mayGo ? stepTo('unload', name, surplus) : undefined;
}

function stepTo(kind: Step['kind'], model: string, place: Place | undefined): Step | undefined {
  return place === undefined ? undefined : { kind, model, target: place.target };
}

function bestToLoad(places: readonly Place[]): Place | undefined {
  const free = places.filter((place) => !place.isResident && !place.evictsNeeded && fits(place));
  return free.sort((one, other) => one.evicts - other.evicts || one.inFlight - other.inFlight)[0];
}

/** What has to leave makes room that nobody can foretell. */
function fits({ bytes, freeBytes, evicts }: Place): boolean {
  return evicts > 0 || bytes === undefined || freeBytes === undefined || bytes <= freeBytes;
}

/** The copy that is missed least: none that works. */
function surplusOf(copies: readonly Place[]): Place | undefined {
  return copies.filter(({ inFlight }) => inFlight === 0).sort((one, other) => other.idleMs - one.idleMs)[0];
}
