import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Breaker } from './breaker.ts';

const rules = { failures: 5, baseMs: 30_000, maxMs: 100_000, slowStartMs: 10_000 };
const alone = { tenant: 'only', spares: () => false };
const bad = { silent: false, inWindow: true, ...alone };

function failing(times: number, breaker = new Breaker(), nowMs = 0): Breaker {
  for (let count = 0; count < times; count += 1) breaker.failed(nowMs, rules, bad);
  return breaker;
}

/** Open, and one request has tried at `nowMs` and failed. */
function tryAndFail(breaker: Breaker, nowMs: number): void {
  breaker.settle(nowMs, rules);
  assert.equal(breaker.standing, 'trial');
  breaker.began(nowMs);
  breaker.failed(nowMs, rules, bad);
}

test('five failures in a row open it, four do not, and a success between them begins anew', () => {
  assert.equal(failing(4).standing, 'closed');
  assert.equal(failing(5).standing, 'open');
  const mended = failing(4);
  mended.served(0);
  assert.equal(failing(4, mended).standing, 'closed');
});

test('half of the last twenty open it, however they lie', () => {
  const breaker = new Breaker();
  for (let round = 0; round < 9; round += 1) {
    failing(1, breaker);
    breaker.served(0);
  }
  assert.equal(breaker.standing, 'closed');
  failing(1, breaker);
  assert.deepEqual([breaker.standing, breaker.cause], ['open', 'rate']);
});

test('failures of half a minute ago are not counted with those of today', () => {
  const breaker = new Breaker();
  for (let round = 0; round < 9; round += 1) {
    failing(1, breaker);
    breaker.served(0);
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
  breaker.served(30_500);
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
  breaker.served(30_000);
  breaker.settle(40_000, rules);
  failing(5, breaker, 140_000);
  assert.equal(breaker.untilMs - breaker.openedMs, 30_000);
});

test('a try whose client left says nothing, and another may follow', () => {
  const breaker = failing(5);
  breaker.settle(30_000, rules);
  breaker.began(30_000);
  breaker.left();
  assert.deepEqual([breaker.standing, breaker.onTrial], ['trial', false]);
});

test('what was sent before it opened neither closes it nor keeps it open for longer', () => {
  const breaker = failing(5);
  breaker.served(10);
  assert.equal(breaker.standing, 'open');
  failing(3, breaker, 20_000);
  assert.equal(breaker.untilMs, 30_000);
});

test('too much work counts in a row, and not among the last ones', () => {
  const breaker = new Breaker();
  for (let round = 0; round < 30; round += 1) {
    breaker.failed(0, rules, { ...bad, inWindow: false });
    breaker.served(0);
  }
  assert.equal(breaker.standing, 'closed');
});
