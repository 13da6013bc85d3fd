import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Trail } from '../core/trail.ts';
import { costOf } from './cost-of.ts';
import { PriceBook, type Prices, premiumPrice } from './price-book.ts';
import { parsePriceCatalogue } from './price-catalogue.ts';
import { createPricing } from './price-exchange.ts';

const catalogue = parsePriceCatalogue(`version 2026-01-02
provider cloud api.cloud.example
big in=10 out=50
small max=900 in=1 out=2 cached=0.1
provider other api.other.example
small max=700 in=3 out=4
`);
const billing = new Map([
  ['cloud', 'api.cloud.example'],
  ['proxy', 'llm.proxy.example'],
  ['keyed', '10.0.0.5'],
]);

function bookOf(prices: Prices = {}) {
  return new PriceBook({ prices, configId: 'c1', billing, catalogue: () => catalogue });
}

const flat = (usdPerM: number) => ({ inputPerM: usdPerM, outputPerM: usdPerM });

for (const [what, served, prices, expected] of [
  ['the target', 'cloud/small', { 'cloud/small': flat(7), small: flat(8), mine: flat(9) }, 'config:c1 7'],
  ['the model as its upstream calls it', 'cloud/small', { small: flat(8), mine: flat(9) }, 'config:c1 8'],
  ['the model as clients call it', 'cloud/small', { mine: flat(9), cloud: flat(6) }, 'config:c1 9'],
  ['the upstream', 'cloud/small', { cloud: flat(6) }, 'config:c1 6'],
  ['the catalogue at the upstream’s provider', 'cloud/small', {}, 'catalogue:2026-01-02 1'],
  ['the catalogue’s dearest where nobody knows the provider', 'proxy/small', {}, 'catalogue:2026-01-02 3'],
  ['the highest of the provider for a model that it does not list', 'cloud/new', {}, 'highest:2026-01-02 10'],
  ['the highest there is where nothing is known', 'proxy/new', {}, 'highest:2026-01-02 10'],
  ['nothing for what the operator’s own servers do', 'gpu/small', {}, 'own 0'],
  ['the operator’s word for them, when there is one', 'gpu/small', { gpu: flat(5) }, 'config:c1 5'],
] as const) {
  test(`the price that holds: ${what}`, () => {
    const [upstream = '', targetModel = ''] = served.split('/');
    const { price, version } = bookOf(prices).tariffOf({ upstream, targetModel, model: 'mine' });
    assert.equal(`${version} ${price[0].rates.input / 1e6}`, expected);
  });
}

test('how long an answer may be asked for, the catalogue tells of a cloud, and of no server of the operator’s, with a key or without', () => {
  const longest = (upstream: string, prices: Prices = {}) =>
    bookOf(prices).tariffOf({ upstream, targetModel: 'small', model: 'mine' }).answerTokensMax;
  assert.equal(longest('cloud'), 900);
  assert.equal(longest('proxy'), 700);
  assert.deepEqual(
    [longest('gpu'), longest('keyed'), longest('keyed', { keyed: flat(1) })],
    [4_096, 4_096, 4_096],
  );
});

test('a server by the month: a token costs the busy time that it takes', () => {
  const server = {
    monthlyUsd: 262.8,
    utilisation: 0.5,
    inputTokensPerSecond: 2_000,
    outputTokensPerSecond: 100,
  };
  const { price } = bookOf({ gpu: server }).tariffOf({ upstream: 'gpu', targetModel: 'm', model: 'm' });
  // 262.8 USD for 2,628,000 s, of which half are worked: 0.0002 USD a second.
  assert.equal(costOf({ inputTokens: 2_000, outputTokens: 0 }, price), 200_000);
  assert.equal(costOf({ inputTokens: 0, outputTokens: 100 }, price), 200_000);
  assert.equal(costOf({ inputTokens: 2_000, outputTokens: 100, cachedTokens: 2_000 }, price), 200_000);
});

test('the premium model is one with a price, one of the catalogue, or one of ours by what stands behind it', () => {
  const models = { mine: { targets: [{ upstream: 'cloud', model: 'big' }] } };
  const of = (prices: Prices) => premiumPrice({ prices, models }, () => catalogue)?.[0].rates.input;
  assert.equal(of({}), undefined);
  assert.equal(of({ premium: 'big' }), 10_000_000);
  assert.equal(of({ premium: 'mine' }), 10_000_000);
  assert.equal(of({ premium: 'mine', mine: flat(2) }), 2_000_000);
  assert.equal(of({ premium: 'nobody' }), undefined);
});

function trailOf(facts: Partial<Trail>): Trail {
  const trail = new Trail('id', { startedMs: 0, wallMs: 0 });
  return Object.assign(trail, {
    callKind: 'chat',
    model: 'mine',
    targetModel: 'small',
    upstream: 'cloud',
    ...facts,
  });
}

function pricingOf(prices: Prices) {
  const unknown: string[] = [];
  const premium = premiumPrice({ prices, models: {} }, () => catalogue);
  const { price } = createPricing({
    book: bookOf(prices),
    premium,
    onUnknown: ({ upstream, targetModel }) => unknown.push(`${upstream}/${targetModel}`),
  });
  const priced = (facts: Partial<Trail>, failed = false) => {
    const trail = trailOf(facts);
    price(trail, failed);
    return trail;
  };
  return { priced, unknown };
}

const usage = { inputTokens: 100, outputTokens: 10 };

test('an unknown price is told once a model, and never is zero', () => {
  const { priced, unknown } = pricingOf({});
  for (let times = 0; times < 3; times += 1) {
    assert.ok(priced({ targetModel: 'new', usage }).costNanoUsd > 0);
    priced({ targetModel: 'newer', model: `asked-${times}`, usage });
  }
  assert.deepEqual(unknown, ['cloud/new', 'cloud/newer']);
});

test('names that clients make up are priced, and not kept without end', () => {
  const { priced, unknown } = pricingOf({});
  const long = 'x/'.repeat(500_000);
  assert.ok(priced({ targetModel: long, usage }).costNanoUsd > 0);
  for (let name = 0; name < 5_000; name += 1) priced({ targetModel: `made-up-${name}`, usage });
  assert.equal(unknown.length, 1_000);
});

test('what never reached an upstream, or told no usage, costs nothing', () => {
  const { priced } = pricingOf({});
  assert.deepEqual(
    [priced({ upstream: '', usage }).priceVersion, priced({ upstream: '', usage }).costNanoUsd],
    ['', 0],
  );
  const silent = priced({ usage: undefined });
  assert.deepEqual([silent.priceVersion, silent.costNanoUsd], ['catalogue:2026-01-02', 0]);
});

test('counts that cannot be right are clamped and warned of (U18)', () => {
  const trail = pricingOf({}).priced({ usage: { ...usage, cachedTokens: 500 } });
  assert.equal(trail.costNanoUsd, 100 * 100 + 10 * 2_000);
  assert.deepEqual(trail.warnings, [
    'the usage that cloud told cannot be right: it kept 500 of 100 input tokens',
  ]);
});

test('own servers and routing save what the premium model would have cost more, and nothing that failed does', () => {
  const { priced } = pricingOf({ premium: 'big', dear: flat(1_000) });
  const saved = (facts: Partial<Trail>, failed = false) => {
    const trail = priced({ usage, ...facts }, failed);
    return [trail.savedNanoUsd, trail.savedBy];
  };
  assert.deepEqual(saved({ upstream: 'gpu' }), [100 * 10_000 + 10 * 50_000, 'self-hosting']);
  assert.deepEqual(saved({ upstream: 'gpu' }, true), [0, '']);
  assert.deepEqual(saved({}), [100 * (10_000 - 1_000) + 10 * (50_000 - 2_000), 'routing']);
  assert.deepEqual(saved({ targetModel: 'big' }), [0, '']);
  assert.deepEqual(saved({ model: 'small' }), [0, '']);
  assert.deepEqual(saved({ model: 'cloud/small' }), [0, '']);
  assert.deepEqual(saved({ upstream: 'gpu', targetModel: 'dear' }), [0, '']);
  assert.deepEqual(saved({ upstream: 'gpu', callKind: 'embed' }), [0, '']);
});
