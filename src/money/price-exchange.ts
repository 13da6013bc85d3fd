/** What exchanges cost, by the prices of the configuration that serves them: afterwards, and as far as it can be told before. */
import type { TokenRates } from '../core/budget.ts';
import type { Usage } from '../core/part.ts';
import type { Trail } from '../core/trail.ts';
import { ByThree } from '../lib/by-three.ts';
import { costOf, doubtOf, type ServiceTiers } from './cost-of.ts';
import type { Price } from './price.ts';
import type { PriceBook, Served, Tariff } from './price-book.ts';
import { nameCharsMax } from './price-catalogue.ts';
import { ratesAhead } from './rates-ahead.ts';
import { saverOf, savingOf } from './saving.ts';

export interface PricingOptions {
  readonly book: PriceBook;
  /** Of the model that the others stand in for, if there is one. */
  readonly premium: Price | undefined;
  /** Called once a model whose price nobody knows. */
  readonly onUnknown: (served: Served, tariff: Tariff) => void;
}

/** Clients may make up models for an upstream that lists none: beyond so many, all that was found is found anew. */
const tariffsMax = 4_096;
const toldMax = 1_000;

/** What was used of a model of an upstream. */
export interface Used extends Served {
  readonly usage: Usage;
}

export interface Pricing {
  /** Writes into a finished trail what it cost, and what it saved unless it failed. */
  price(trail: Trail, failed: boolean): void;
  /** Writes into the trail of one who was given another's answer what that saved. */
  priceShared(trail: Trail, of: Trail): void;
  /** Adds to it what was used there besides. */
  priceMore(trail: Trail, used: Used): void;
  /** What so long a prompt and its answer would cost there. */
  ratesAhead(served: Served, inputTokens: number, serviceTierAsked?: string): TokenRates;
  /** How long an answer may be asked for there, in tokens. */
  answerTokensMax(served: Served): number;
}

export function createPricing(options: PricingOptions): Pricing {
  const tariffs = new Tariffs(options);
  return {
    price: (trail, failed) => {
      const tariff = priceTrail(tariffs, trail);
      if (tariff !== undefined && !failed) tellSaving(options, tariff, trail);
    },
    priceShared: (trail, of) => tellShared(options, trail, of),
    priceMore: (trail, used) => {
      const { price, version } = tariffs.of(used);
      trail.costNanoUsd += costOf(used.usage, price, tiersOf(trail, used.usage));
      if (trail.priceVersion === '') trail.priceVersion = version;
    },
    ratesAhead: (served, inputTokens, asked) => ratesAhead(tariffs.of(served).price, inputTokens, asked),
    answerTokensMax: (served) => tariffs.of(served).answerTokensMax,
  };
}

/** By which tariff; nothing where nothing was used. */
function priceTrail(tariffs: Tariffs, trail: Trail): Tariff | undefined {
  const { usage } = trail;
  if (trail.upstream === '' || trail.callKind === '') return undefined;
  const tariff = tariffs.of(trail);
  trail.priceVersion = tariff.version;
  if (usage === undefined) return undefined;
  const doubt = doubtOf(usage);
  if (doubt !== undefined) trail.warn([`the usage that ${trail.upstream} told cannot be right: ${doubt}`]);
  trail.costNanoUsd = costOf(usage, tariff.price, tiersOf(trail, usage));
  return tariff;
}

function tiersOf({ serviceTierAsked: asked }: Trail, { serviceTier: told }: Usage): ServiceTiers {
  return { asked, told };
}

/** The premium model is none that makes embeddings. */
function tellSaving({ premium }: PricingOptions, { savedBy }: Tariff, trail: Trail): void {
  const { usage } = trail;
  if (premium === undefined || usage === undefined || trail.callKind === 'embed') return;
  const premiumNanoUsd = costOf(usage, premium);
  const saving = savingOf(savedBy, { premiumNanoUsd, costNanoUsd: trail.costNanoUsd });
  trail.savedNanoUsd = saving.savedNanoUsd;
  trail.savedBy = saving.savedBy;
}

/** What it would have cost at the premium model; where there is none, what it cost whoever paid for it. */
function tellShared({ premium }: PricingOptions, trail: Trail, of: Trail): void {
  const { usage, costNanoUsd } = of;
  if (usage === undefined) return;
  const isCompared = premium !== undefined && trail.callKind !== 'embed';
  const elsewhereNanoUsd = isCompared ? costOf(usage, premium) : costNanoUsd;
  const saving = savingOf(saverOf('cache', of), { premiumNanoUsd: elsewhereNanoUsd, costNanoUsd: 0 });
  trail.priceVersion = of.priceVersion;
  trail.savedNanoUsd = saving.savedNanoUsd;
  trail.savedBy = saving.savedBy;
}

/** Found once for each model of each upstream. */
class Tariffs {
  readonly #options: PricingOptions;
  readonly #told = new Set<string>();
  readonly #found = new ByThree<Tariff>();

  constructor(options: PricingOptions) {
    this.#options = options;
  }

  of(served: Served): Tariff {
    const { upstream, targetModel, model } = served;
    return this.#found.get(upstream, targetModel, model) ?? this.#find(served);
  }

  #find(served: Served): Tariff {
    const tariff = this.#options.book.tariffOf(served);
    // Names of any length come from clients, and none of a model is so long: nothing is kept of them.
    if (Math.max(served.targetModel.length, served.model.length) > nameCharsMax) return tariff;
    if (tariff.version.startsWith('highest:')) this.#tell(served, tariff);
    if (this.#found.size >= tariffsMax) this.#found.clear();
    return this.#found.add([served.upstream, served.targetModel, served.model], tariff);
  }

  #tell(served: Served, tariff: Tariff): void {
    const name = `${served.upstream}/${served.targetModel}`;
    if (this.#told.has(name) || this.#told.size >= toldMax) return;
    this.#told.add(name);
    this.#options.onUnknown(served, tariff);
  }
}
