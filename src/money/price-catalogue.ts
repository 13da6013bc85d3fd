/** Prices that providers publish, as of a day: one line a model, read only when one of them is needed. */
import { readFileSync } from 'node:fs';
import { createRates, dearest, type Price, type Rates, type Service, services, type Tier } from './price.ts';

export interface PriceCatalogue {
  /** The day that the prices were taken. */
  readonly version: string;
  names(): ReadonlySet<string>;
  /**
   * Of a model as the provider at that host calls it. Where nobody knows the host, the dearest of those who have a
   * model of that name. What stands before a slash is left off when the whole name is not known: `models/NAME`.
   */
  find(model: string, host?: string): Price | undefined;
  /** How long an answer of it may be asked for, in tokens; of several models of that name the shortest. */
  answerTokensMax(model: string, host?: string): number | undefined;
  /** The highest price of the provider at that host, or of all when nobody knows the host. */
  highest(host?: string): Price;
}

/** No model is called longer; clients may call one so. */
export const nameCharsMax = 256;

let read: PriceCatalogue | undefined;

export function readPriceCatalogue(): PriceCatalogue {
  read ??= parsePriceCatalogue(readFileSync(new URL('catalogue.txt', import.meta.url), 'latin1'));
  return read;
}

interface Provider {
  readonly hosts: readonly RegExp[];
  /** Prices as they stand in the text, by model: most are never asked for. */
  readonly models: Map<string, string>;
}

export function parsePriceCatalogue(text: string): PriceCatalogue {
  const { version, providers } = sectionsOf(text);
  const highest = new Map<Provider | undefined, Price>();
  const at = (host?: string) =>
    host === undefined ? undefined : providers.find(({ hosts }) => hosts.some((known) => known.test(host)));
  const among = (host?: string) => {
    const provider = at(host);
    return provider === undefined ? providers : [provider];
  };
  const entries = (model: string, host?: string): readonly string[] => {
    if (model.length > nameCharsMax) return [];
    for (const name of tailsOf(model)) {
      const found = among(host).flatMap(({ models }) => models.get(name) ?? []);
      if (found.length > 0) return found;
    }
    return [];
  };
  return {
    version,
    names: () => new Set(providers.flatMap(({ models }) => [...models.keys()])),
    find: (model, host) => {
      const [first, ...others] = entries(model, host).map(parsePrice);
      return first === undefined ? undefined : others.reduce(dearer, first);
    },
    answerTokensMax: (model, host) => {
      const told = entries(model, host).flatMap((text) => / max=(\d+)/.exec(` ${text}`)?.[1] ?? []);
      return told.length === 0 ? undefined : Math.min(...told.map(Number));
    },
    highest: (host) => {
      const provider = at(host);
      const known = highest.get(provider);
      if (known !== undefined) return known;
      const all = among(host).flatMap(({ models }) => [...models.values()].map(parsePrice));
      const found = dearest(all);
      highest.set(provider, found);
      return found;
    },
  };
}

function sectionsOf(text: string) {
  let version = '';
  const providers: Provider[] = [];
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    const [first, rest] = [line.slice(0, space), line.slice(space + 1)];
    if (first === 'version') version = rest;
    else if (first === 'provider') {
      const [, ...hosts] = rest.split(' ');
      providers.push({ hosts: hosts.map(hostPattern), models: new Map() });
    } else if (space > 0 && first !== '#') providers.at(-1)?.models.set(first, rest);
  }
  return { version, providers };
}

function hostPattern(host: string): RegExp {
  const parts = host.split('*').map((part) => part.replaceAll('.', '\\.'));
  return new RegExp(`^${parts.join('[a-z0-9.-]+')}$`);
}

function dearer(one: Price, other: Price): Price {
  const [{ rates: a }] = one;
  const [{ rates: b }] = other;
  return a.input + a.output >= b.input + b.output ? one : other;
}

/** `a/b/c`, `b/c`, `c`. */
function tailsOf(model: string): string[] {
  const steps = model.split('/');
  return steps.map((_, index) => steps.slice(index).join('/'));
}

/** `max=16384 in=2.5 out=10 cached=1.25 batch in=1.25 out=5 >200000 in=5 out=15` */
function parsePrice(text: string): Price {
  const [first = '', ...long] = text.split(' >');
  return [parseTier(`0 ${first}`), ...long.map(parseTier)];
}

function parseTier(text: string): Tier {
  const [before = '', ...sections] = text.split(sectionNames);
  const tier = { aboveTokens: Number.parseInt(before, 10), rates: parseRates(before) };
  if (sections.length === 0) return tier;
  const found: Partial<Record<Service, Rates>> = {};
  for (let at = 0; at < sections.length; at += 2)
    found[sections[at] as Service] = parseRates(sections[at + 1] ?? '');
  return { ...tier, services: found };
}

/** Between them stand their names. */
const sectionNames = new RegExp(` (${services.join('|')}) `);

function parseRates(text: string): Rates {
  const said = new Map<string, number>();
  for (const [, name = '', usd] of text.matchAll(/([a-z]+)=([\d.]+)/g)) said.set(name, Number(usd));
  return createRates({
    inputPerM: said.get('in') ?? 0,
    outputPerM: said.get('out') ?? 0,
    cachedInputPerM: said.get('cached'),
    cacheWritePerM: said.get('write'),
    reasoningPerM: said.get('reason'),
  });
}
