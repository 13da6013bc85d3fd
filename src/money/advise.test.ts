import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LedgerHour } from '../core/ledger.ts';
import type { Advice, AdviceAsked } from './advice.ts';
import { advise } from './advise.ts';
import { createRates, type Price } from './price.ts';
import type { ServerPrice } from './server-rates.ts';
import { trueCostsOf } from './true-costs.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const beginMs = Date.UTC(2026, 10, 1);
/** 8.64 USD a day; 360,000 tokens written are an hour of work. */
const server = {
  monthlyUsd: 262.8,
  utilisation: 0.5,
  inputTokensPerSecond: 2_000,
  outputTokensPerSecond: 100,
};
const price = (usdPerM: number): Price => [
  { aboveTokens: 0, rates: createRates({ inputPerM: usdPerM, outputPerM: usdPerM }) },
];

function worked(upstream: string, at: number, changed: Partial<LedgerHour> = {}): LedgerHour {
  return {
    hourMs: beginMs + at * hourMs,
    upstream,
    targetModel: 'gemma',
    exchanges: 10,
    inputTokens: 0,
    cachedInputTokens: 0,
    outputTokens: 360_000,
    reasoningTokens: 0,
    costNanoUsd: 1_000_000,
    ...changed,
  };
}

interface Given extends Partial<Omit<AdviceAsked, 'costs' | 'span'>> {
  readonly days?: number;
  readonly servers?: Readonly<Record<string, ServerPrice>>;
}

function adviceOf({ days = 14, servers = { gpu: server }, hours = [], ...given }: Given): readonly Advice[] {
  const span = { fromMs: beginMs, toMs: beginMs + days * dayMs };
  const firstMs = beginMs;
  const costs = trueCostsOf({ span, firstMs, servers: new Map(Object.entries(servers)), hours });
  const rest = { models: new Map(), against: undefined, unpriced: new Set<string>(), loaded: [] };
  return advise({ span, firstMs, hours, costs, ...rest, ...given });
}

const kinds = (given: Given) => adviceOf(given).map(({ kind }) => kind);
const one = (given: Given, kind: Advice['kind']) => adviceOf(given).find((advice) => advice.kind === kind);
/** So many hours of each day. */
const daily = (upstream: string, hours: number, days = 14) =>
  Array.from({ length: days }, (_, day) =>
    Array.from({ length: hours }, (__, at) => worked(upstream, day * 24 + at)),
  ).flat();

test('nothing is advised where nothing is known, or not for long enough', () => {
  assert.deepEqual(adviceOf({ servers: {} }), []);
  assert.deepEqual(adviceOf({ days: 6 }), []);
  assert.deepEqual(adviceOf({ hours: daily('gpu', 12) }), []);
});

test('a server is idle below a tenth of a week', () => {
  assert.deepEqual(kinds({ days: 7 }), ['server-idle']);
  const { text, evidence } = one({ hours: daily('gpu', 1) }, 'server-idle') ?? {};
  assert.equal(text, 'gpu was busy 4.2 % of 14 days: 115.92 USD of 120.96 USD went into waiting');
  assert.deepEqual(evidence, { utilisation: 14 / 336, days: 14, idleUsd: 115.92, costUsd: 120.96 });
  assert.ok(!kinds({ hours: daily('gpu', 3) }).includes('server-idle'));
});

test('servers that are alike are too many where fewer would carry the busiest hour at 70 %', () => {
  const models = new Map([
    ['chat', ['a', 'b', 'c'].map((upstream) => ({ upstream, targetModel: 'gemma', billed: undefined }))],
  ]);
  const servers = { a: server, b: server, c: server };
  // 1.4 servers' work: two carry it at exactly 70 %.
  const hours = [...daily('a', 8), worked('b', 3, { outputTokens: 144_000 })];
  const advice = one({ servers, models, hours }, 'servers-too-large');
  assert.deepEqual(advice?.about, ['a', 'b', 'c']);
  assert.match(advice.text, /busiest hour \(2026-11-01T03:00 UTC\) kept 1\.40 of 3 busy: 2 would carry it/);
  const busier = [...hours, worked('c', 3, { outputTokens: 3_600 })];
  assert.equal(one({ servers, models, hours: busier }, 'servers-too-large'), undefined);
  const faster = { ...servers, c: { ...server, outputTokensPerSecond: 101 } };
  assert.equal(
    one({ servers: faster, models, hours }, 'servers-too-large'),
    undefined,
    'two are alike, and needed',
  );
  assert.equal(
    one({ servers, hours }, 'servers-too-large'),
    undefined,
    'nobody said that they can do the same',
  );
});

test('a single server is too large where one of half its speed would carry the busiest hour', () => {
  const inPeak = (outputTokens: number) => daily('gpu', 8).map((hour) => ({ ...hour, outputTokens }));
  const advice = one({ hours: inPeak(126_000) }, 'servers-too-large');
  assert.match(
    advice?.text ?? '',
    /^gpu was busy 35\.0 % of its busiest hour .* one of 50\.0 % of its speed/,
  );
  assert.equal(one({ hours: inPeak(130_000) }, 'servers-too-large'), undefined);
  assert.deepEqual(kinds({ hours: [worked('gpu', 5, { outputTokens: 126_000 })] }), [
    'server-idle',
    'server-priced-wrong',
  ]);
});

test('a server is dearer than others where the cheapest of them would have charged less for its tokens', () => {
  // 120.96 USD for 40.32 million tokens: 3 USD a million.
  const hours = daily('gpu', 8);
  const models = new Map([
    [
      'chat',
      [
        { upstream: 'gpu', targetModel: 'gemma', billed: undefined },
        { upstream: 'cloud', targetModel: 'small', billed: price(2.5) },
      ],
    ],
  ]);
  const against = { name: 'big', price: price(2.9) };
  const advice = one({ hours, models, against }, 'server-dearer-than-others');
  assert.match(advice?.text ?? '', /cost 120\.96 USD; at cloud\/small they would have cost 100\.80 USD/);
  assert.ok(Math.abs((advice?.evidence['breakEvenUtilisation'] ?? 0) - 0.4) < 1e-9);
  assert.ok(Math.abs((advice?.evidence['usdPerM'] ?? 0) - 3) < 1e-9);
  assert.match(one({ hours, against }, 'server-dearer-than-others')?.text ?? '', /at big/);
  assert.equal(
    one({ hours, against: { name: 'big', price: price(3) } }, 'server-dearer-than-others'),
    undefined,
  );
});

test('a configured utilisation that is far from the real one is told with the right one', () => {
  const advice = one({ hours: daily('gpu', 6) }, 'server-priced-wrong');
  assert.match(
    advice?.text ?? '',
    /as if it were busy 50\.0 % of the time, and it was 25\.0 %.*`utilisation: 0\.25`/,
  );
  assert.equal(one({ hours: daily('gpu', 10) }, 'server-priced-wrong'), undefined);
  const impossible = one({ hours: [...daily('gpu', 24), ...daily('gpu', 2)] }, 'server-priced-wrong');
  assert.match(impossible?.text ?? '', /108\.3 %.*measure them again/);
});

test('a server of one’s own that nobody priced is told of once it is used', () => {
  const free = { costNanoUsd: 0 };
  const hours = [worked('box', 0, free), worked('paid', 0), worked('cloud', 0, free)];
  const told = adviceOf({ servers: {}, hours, unpriced: new Set(['box', 'paid', 'other']) });
  assert.deepEqual(
    told.map(({ kind, about }) => [kind, ...about]),
    [['server-unpriced', 'box']],
  );
});

test('what was paid to others while a server behind the same name had room is told, hour by hour', () => {
  const models = new Map([
    [
      'chat',
      [
        { upstream: 'gpu', targetModel: 'gemma', billed: undefined },
        { upstream: 'cloud', targetModel: 'small', billed: price(1) },
      ],
    ],
  ]);
  const billed = (at: number) => worked('cloud', at, { targetModel: 'small', costNanoUsd: 2_000_000_000 });
  const hours = [
    worked('gpu', 0),
    billed(0),
    worked('gpu', 1, { outputTokens: 100_000 }),
    billed(1),
    billed(2),
    worked('cloud', 3, { targetModel: 'another', costNanoUsd: 7 }),
  ];
  const advice = one({ models, hours }, 'billed-while-idle');
  assert.deepEqual(advice?.evidence, { hours: 2, exchanges: 20, costUsd: 4 });
  assert.match(advice.text, /^cloud\/small served 20 exchanges for 4\.00 USD in 2 hours in which gpu/);
  const later = { gpu: { ...server, since: '2026-11-02' } };
  assert.equal(
    one({ models, hours, servers: later }, 'billed-while-idle'),
    undefined,
    'it was not there yet',
  );
});

test('a model is unused when it is loaded and a fortnight saw no use of it', () => {
  const loaded = [
    { upstream: 'gpu', model: 'gemma:latest' },
    { upstream: 'gpu', model: 'qwen' },
  ];
  const hours = [worked('gpu', 15 * 24), worked('gpu', 0, { targetModel: 'qwen' })];
  const advice = one({ days: 16, hours, loaded }, 'model-unused');
  assert.deepEqual(advice?.about, ['gpu/qwen']);
  assert.equal(one({ days: 13, hours: [], loaded }, 'model-unused'), undefined);
  assert.equal(one({ days: 16, hours, loaded, firstMs: beginMs + 3 * dayMs }, 'model-unused'), undefined);
});
