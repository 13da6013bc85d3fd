import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Extension, Reservation, Spend } from '../core/budget.ts';
import { costAhead, SpendMeter } from './spend-meter.ts';

const rates = { inputPicoUsd: 2_500, outputPicoUsd: 10_333 };
const promptTokens = 10;
/** Of any answer of the model. */
const longest = 1_000;
const nothing = { nanoUsd: 0, tokens: 0 };

/** A budget of so many billionths, of which `reserved` are taken already. */
class Purse implements Reservation {
  #nanoUsd: number;
  asked = 0;
  readonly later: boolean;

  constructor(left: number, later: boolean) {
    this.#nanoUsd = left;
    this.later = later;
  }

  get left() {
    return { nanoUsd: this.#nanoUsd, tokens: Number.POSITIVE_INFINITY };
  }

  extend({ nanoUsd }: Spend): Extension | Promise<Extension> {
    this.asked += 1;
    const granted = nanoUsd <= this.#nanoUsd;
    if (granted) this.#nanoUsd -= nanoUsd;
    const extension = granted ? 'extended' : 'spent';
    return this.later ? Promise.resolve(extension) : extension;
  }

  settle(): void {}
}

interface Story {
  readonly answerTokens: number;
  readonly budgetTokens: number;
  readonly asked?: number;
  readonly later?: boolean;
}

function meterOf({ answerTokens, budgetTokens, asked = Number.POSITIVE_INFINITY, later = false }: Story) {
  const nanoUsd = costAhead(rates, promptTokens, answerTokens);
  const budget = costAhead(rates, promptTokens, budgetTokens);
  const purse = new Purse(budget - nanoUsd, later);
  const meter = new SpendMeter({
    reservation: purse,
    reserved: { nanoUsd, tokens: promptTokens + answerTokens, requests: 1 },
    promptTokens,
    answerTokensMax: asked,
    ratesOf: () => rates,
    longestAt: () => longest,
  });
  meter.open('up', 'model');
  return { meter, purse, budget };
}

/** How many tokens are passed on of an answer that has `tokens`, in pieces of one each. */
async function passed(meter: SpendMeter, tokens: number): Promise<number> {
  for (let seen = 1; seen <= tokens; seen += 1) {
    await meter.waiting;
    if (meter.count(seen) !== undefined) return seen - 1;
  }
  return tokens;
}

test('G11: a stream uses what is left of a budget to the last token, and never passes it', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        answerTokens: fc.integer({ min: 1, max: 300 }),
        more: fc.integer({ min: 0, max: 2_000 }),
        later: fc.boolean(),
      }),
      async ({ answerTokens, more, later }) => {
        const { meter, budget } = meterOf({ answerTokens, budgetTokens: answerTokens + more, later });
        const tokens = await passed(meter, 5_000);
        assert.equal(tokens, answerTokens + more);
        assert.ok(costAhead(rates, promptTokens, tokens) <= budget);
        assert.ok(meter.reserved.nanoUsd <= budget);
      },
    ),
  );
});

test('an answer that is as long as was asked for asks for no more than that', async () => {
  const { meter, purse } = meterOf({ answerTokens: 10, budgetTokens: 500, asked: 500 });
  assert.equal(await passed(meter, 500), 500);
  assert.equal(purse.left.nanoUsd, 0);
  assert.equal(meter.count(501), undefined, 'what it says beyond is not for a budget to judge');
});

test('more is asked for ahead: a stream that is answered in time never waits', () => {
  const { meter, purse } = meterOf({ answerTokens: 200, budgetTokens: 10_000 });
  for (let seen = 1; seen <= 5_000; seen += 1) {
    assert.equal(meter.waiting, undefined);
    assert.equal(meter.count(seen), undefined);
  }
  assert.ok(purse.asked <= 5_000 / 128 + 2, `asked ${purse.asked} times`);
});

test('while it is asked and nothing is left, the stream waits; a refusal after that stops it', async () => {
  const { meter } = meterOf({ answerTokens: 2, budgetTokens: 2, later: true });
  assert.equal(meter.count(1), undefined);
  assert.equal(meter.waiting, undefined, 'one is left');
  assert.equal(meter.count(2), undefined);
  assert.ok(meter.waiting !== undefined);
  await meter.waiting;
  assert.equal(meter.waiting, undefined);
  assert.equal(meter.count(3), 'spent');
});

test('a budget that nobody can reach is told apart from one that is spent', () => {
  const meter = new SpendMeter({
    reservation: { left: nothing, extend: () => 'unavailable', settle: () => {} },
    reserved: { nanoUsd: 0, tokens: 11, requests: 1 },
    promptTokens,
    answerTokensMax: 100,
    ratesOf: () => ({ inputPicoUsd: 0, outputPicoUsd: 0 }),
    longestAt: () => longest,
  });
  meter.open('up', 'model');
  assert.equal(meter.count(1), undefined);
  assert.equal(meter.count(2), 'unavailable');
});

test('a piece with more tokens than a step is paid for whole', () => {
  const { meter, purse } = meterOf({ answerTokens: 1, budgetTokens: 100_000 });
  assert.equal(meter.count(50_000), undefined);
  assert.ok(purse.asked <= 2);
  assert.ok(meter.reserved.nanoUsd >= costAhead(rates, promptTokens, 50_000));
});

test('a target that is cheaper than the dearest makes what is reserved last longer', async () => {
  const nanoUsd = costAhead(rates, promptTokens, 100);
  const meter = new SpendMeter({
    reservation: {
      left: nothing,
      // Only money is bounded.
      extend: ({ nanoUsd: more }) => (more === 0 ? 'extended' : 'spent'),
      settle: () => {},
    },
    reserved: { nanoUsd, tokens: promptTokens + 100, requests: 1 },
    promptTokens,
    answerTokensMax: Number.POSITIVE_INFINITY,
    ratesOf: () => ({ inputPicoUsd: 2_500, outputPicoUsd: 1_000 }),
    longestAt: () => longest,
  });
  meter.open('up', 'cheap');
  assert.equal(await passed(meter, 5_000), nanoUsd - Math.ceil((promptTokens * 2_500) / 1_000));
});

test('a stream that is gone on with elsewhere pays for its question again, with what was said behind it', () => {
  const { meter, purse } = meterOf({ answerTokens: 20, budgetTokens: 1_000 });
  for (let tokens = 1; tokens <= 20; tokens += 1) assert.equal(meter.count(tokens), undefined);
  const before = purse.left.nanoUsd;
  meter.carryOn();
  meter.open('b', 'm');
  assert.equal(meter.count(1), undefined);
  const both = costAhead(rates, promptTokens, 20) + costAhead(rates, promptTokens + 20, 1);
  assert.ok(meter.reserved.nanoUsd >= both, `${meter.reserved.nanoUsd} set aside for ${both}`);
  assert.ok(purse.left.nanoUsd < before);
});

test('a stream is not gone on with for a moment where the money is not enough for a second question', () => {
  const { meter } = meterOf({ answerTokens: 20, budgetTokens: 20 });
  for (let tokens = 1; tokens <= 20; tokens += 1) assert.equal(meter.count(tokens), undefined);
  meter.carryOn();
  meter.open('b', 'm');
  assert.equal(meter.count(1), 'spent');
});

test('G11: what was asked for by a server that broke off meanwhile allows whoever goes on no more than is paid for', async () => {
  const { meter, budget } = meterOf({ answerTokens: 20, budgetTokens: 148, later: true });
  for (let tokens = 1; tokens < 20; tokens += 1) assert.equal(meter.count(tokens), undefined);
  meter.carryOn();
  meter.open('b', 'm');
  const rest = await passed(meter, 1_000);
  const both = costAhead(rates, promptTokens, 19) + costAhead(rates, promptTokens + 19, rest);
  assert.ok(rest > 0 && both <= budget, `${both} of ${budget}`);
});

test('G11: an answer is bounded to what is left, where that is less than it may come to', () => {
  const boundOf = (story: Story) => meterOf(story).meter.bound('up', 'model');
  assert.equal(boundOf({ answerTokens: 100, budgetTokens: 999 }), 999);
  assert.equal(
    boundOf({ answerTokens: 100, budgetTokens: 1_000 }),
    undefined,
    'no longer than its model may say',
  );
  assert.equal(boundOf({ answerTokens: 100, budgetTokens: 300, asked: 301 }), 300);
  assert.equal(
    boundOf({ answerTokens: 100, budgetTokens: 300, asked: 300 }),
    undefined,
    'as it was asked for',
  );
  assert.equal(
    boundOf({ answerTokens: 0, budgetTokens: 0 }),
    1,
    'never at none, which some take for no bound',
  );
});

test('whoever goes on with a stream is bounded to what is left once the first has been paid', () => {
  const { meter, budget } = meterOf({ answerTokens: 20, budgetTokens: 300 });
  for (let tokens = 1; tokens <= 20; tokens += 1) meter.count(tokens);
  meter.carryOn();
  const rest = meter.bound('b', 'm') ?? 0;
  const both = (more: number) =>
    costAhead(rates, promptTokens, 20) + costAhead(rates, promptTokens + 20, rest + more);
  assert.ok(rest > 0 && both(0) <= budget && both(1) >= budget, `${rest} tokens: ${both(0)} of ${budget}`);
});
