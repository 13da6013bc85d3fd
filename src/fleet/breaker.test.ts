import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Breaker } from './breaker.ts';

const rules = { failures: 5, baseMs: 30_000, maxMs: 100_000, slowStartMs: 10_000 };
const alone = { tenant: 'only', spares: () => false };
const bad = { silent: false, isConclusive: false, inWindow: true, ...alone };

function failing(times: number, breaker = new Breaker(), nowMs = 0): Breaker {
  for (let count = 0; count < times; count += 1) breaker.failed(nowMs, rules, { ...bad, sentMs: nowMs });
  return breaker;
}

/** Open, and one request has tried at `nowMs` and failed. */
function tryAndFail(breaker: Breaker, nowMs: number): void {
  breaker.settle(nowMs, rules);
  assert.equal(breaker.standing, 'trial');
  breaker.began(nowMs);
  breaker.failed(nowMs, rules, { ...bad, sentMs: nowMs });
}

test('five failures in a row open it, four do not, and a success between them begins anew', () => {
  assert.equal(failing(4).standing, 'closed');
  assert.equal(failing(5).standing, 'open');
  const mended = failing(4);
  mended.served(0, 0);
  assert.equal(failing(4, mended).standing, 'closed');
});

test('half of the last twenty open it, however they lie', () => {
  const breaker = new Breaker();
  for (let round = 0; round < 9; round += 1) {
    failing(1, breaker);
    breaker.served(0, 0);
  }
  assert.equal(breaker.standing, 'closed');
  failing(1, breaker);
  assert.deepEqual([breaker.standing, breaker.cause], ['open', 'rate']);
});

test('failures of half a minute ago are not counted with those of today', () => {
  const breaker = new Breaker();
  for (let round = 0; round < 9; round += 1) {
    failing(1, breaker);
    breaker.served(0, 0);
  }
  failing(1, breaker, 30_001);
  assert.equal(breaker.standing, 'closed');
});

test('G17: after its time one request may try; when that ends well, load comes back bit by bit', () => {
  const breaker = failing(5);
  breaker.settle(29_999, rules);
  assert.equal(breaker.standing, 'open');
  breaker.settle(30_000, rules);
  breaker.began(30_000);
  assert.deepEqual([breaker.standing, breaker.onTrial], ['trial', true]);
  breaker.served(30_500, 30_000);
  assert.deepEqual(
    [30_500, 31_500, 35_500, 40_499].map((nowMs) => breaker.part(20, nowMs, rules)),
    [1, 2, 10, 19],
  );
  breaker.settle(40_500, rules);
  assert.deepEqual([breaker.standing, breaker.part(20, 40_500, rules)], ['closed', 20]);
});

test('each try that fails puts the next one off for longer, up to a bound', () => {
  const breaker = failing(5);
  const waits: number[] = [];
  for (let count = 0; count < 4; count += 1) {
    waits.push(breaker.untilMs - breaker.openedMs);
    tryAndFail(breaker, breaker.untilMs);
  }
  assert.deepEqual(waits, [30_000, 60_000, 90_000, 100_000]);
});

test('who was well for long is out for the first time again', () => {
  const breaker = failing(5);
  breaker.settle(30_000, rules);
  breaker.began(30_000);
  breaker.served(30_000, 30_000);
  breaker.settle(40_000, rules);
  failing(5, breaker, 140_000);
  assert.equal(breaker.untilMs - breaker.openedMs, 30_000);
});

test('a try whose client left says nothing, and another may follow', () => {
  const breaker = failing(5);
  breaker.settle(30_000, rules);
  breaker.began(30_000);
  breaker.left(30_000);
  assert.deepEqual([breaker.standing, breaker.onTrial], ['trial', false]);
});

test('what was sent before it opened neither closes it nor keeps it open for longer', () => {
  const breaker = failing(5, new Breaker(), 5);
  breaker.served(10, 0);
  assert.equal(breaker.standing, 'open');
  breaker.failed(20_000, rules, { ...bad, sentMs: 0 });
  assert.equal(breaker.untilMs, 30_005);
});

for (const [how, end] of [
  ['ends well', (breaker: Breaker) => breaker.served(31_000, 0)],
  ['fails', (breaker: Breaker) => breaker.failed(31_000, rules, { ...bad, sentMs: 0 })],
  ['is left', (breaker: Breaker) => breaker.left(0)],
  ['is left in silence', (breaker: Breaker) => breaker.leftInSilence(31_000, rules, { ...alone, sentMs: 0 })],
] as const) {
  test(`G17: what was sent before it opened and ${how} while another tries does not end that try`, () => {
    const breaker = failing(5, new Breaker(), 5);
    breaker.settle(30_005, rules);
    breaker.began(30_005);
    end(breaker);
    assert.deepEqual([breaker.standing, breaker.onTrial, breaker.untilMs], ['trial', true, 30_005]);
    breaker.served(31_500, 30_005);
    assert.equal(breaker.standing, 'returning');
  });
}

test('what was sent before it opened, and fails once it is back, does not open it again', () => {
  const breaker = failing(5, new Breaker(), 5);
  breaker.settle(30_005, rules);
  breaker.began(30_005);
  breaker.served(30_100, 30_005);
  for (let count = 0; count < 8; count += 1) breaker.failed(31_000, rules, { ...bad, sentMs: 0 });
  assert.equal(breaker.standing, 'returning');
  failing(5, breaker, 31_000);
  assert.equal(breaker.standing, 'open');
});

const one = { ...bad, tenant: 'one' };
const another = { ...bad, tenant: 'another' };

test('C9: what failed for one tenant alone any other may try at once, and one at a time', () => {
  const breaker = new Breaker();
  for (let count = 0; count < 5; count += 1) breaker.failed(0, rules, { ...one, sentMs: 0 });
  assert.deepEqual(
    ['one', 'another'].map((tenant) => breaker.mayBeTriedBy(tenant, 0)),
    [false, true],
  );
  breaker.began(1_000);
  assert.equal(breaker.awaits(1_000, rules), true);
  breaker.served(2_000, 1_000);
  assert.equal(breaker.standing, 'returning');
});

test('C9: a try that fails for one tenant leaves the next to another; what fails for both is left alone by all', () => {
  const breaker = new Breaker();
  for (let count = 0; count < 5; count += 1)
    breaker.failed(0, rules, { ...(count === 0 ? another : one), sentMs: 0 });
  assert.equal(breaker.mayBeTriedBy('third', 29_999), false);
  breaker.settle(30_000, rules);
  breaker.began(30_000);
  breaker.failed(30_100, rules, { ...one, sentMs: 30_000 });
  const untilMs = 30_100 + 60_000;
  assert.deepEqual([breaker.untilMs, breaker.mayBeTriedBy('one', 30_100)], [untilMs, false]);
  assert.equal(breaker.mayBeTriedBy('another', 30_100), true);
  breaker.began(30_200);
  breaker.failed(30_300, rules, { ...another, sentMs: 30_200 });
  assert.deepEqual([breaker.untilMs, breaker.mayBeTriedBy('third', 90_299)], [untilMs + 200, false]);
});

test('C9: a server without a word, or that nobody reaches, is not tried at once by others', () => {
  for (const [blow, othersMs] of [
    [{ ...one, silent: true }, 30_000],
    [{ ...one, isConclusive: true }, Number.POSITIVE_INFINITY],
  ] as const) {
    const breaker = new Breaker();
    for (let count = 0; count < 5; count += 1) breaker.failed(0, rules, { ...blow, sentMs: 0 });
    breaker.settle(30_000, rules);
    breaker.began(30_000);
    breaker.failed(30_000, rules, { ...blow, sentMs: 30_000 });
    assert.equal(breaker.untilMs, 90_000);
    const tries = [59_999, 60_000].map((nowMs) => breaker.mayBeTriedBy('another', nowMs));
    assert.deepEqual(tries, [false, 60_000 >= 30_000 + othersMs]);
    assert.equal(breaker.nextMs(30_000, rules), Math.min(30_000 + othersMs, 90_000));
  }
});

test('too much work counts in a row, and not among the last ones', () => {
  const breaker = new Breaker();
  for (let round = 0; round < 30; round += 1) {
    breaker.failed(0, rules, { ...bad, sentMs: 0, inWindow: false });
    breaker.served(0, 0);
  }
  assert.equal(breaker.standing, 'closed');
});
