import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeldClock } from '../../test/held-clock.ts';
import { targetOn, upstreamOf } from '../../test/targets.ts';
import { fail } from '../core/failure.ts';
import type { Ending } from '../core/fleet.ts';
import { createRandom } from '../engines/simulator/random.ts';
import { ServiceTimes } from './service-times.ts';

const a = targetOn(upstreamOf('a'));
const b = targetOn(upstreamOf('b'));

function rig() {
  const clock = createHeldClock();
  return { clock, times: new ServiceTimes(clock) };
}

function served(tookMs: number, given: Partial<Ending> = {}): Ending {
  return { outcome: 'served', tookMs, firstContentMs: 0, outputTokens: 0, cold: false, ...given };
}

/** A stream of so many tokens from a server of that speed. */
const streamed = (tokens: number, { firstMs, tokenMs }: { firstMs: number; tokenMs: number }) =>
  served(firstMs + tokens * tokenMs, { firstContentMs: firstMs, outputTokens: tokens });

test('nothing is known before something was served', () => {
  const { times } = rig();
  times.ended(a, served(100, { outcome: 'left' }));
  times.ended(a, served(100, { outcome: fail('upstream_cut', 'it broke') }));
  times.ended(a, served(100, { cold: true }));
  assert.equal(times.of(a), 0);
});

test('what has no tokens is known by the time it takes, newer times before older', () => {
  const { times } = rig();
  times.ended(a, served(100));
  assert.equal(times.of(a), 100);
  times.ended(a, served(300));
  assert.equal(times.of(a), 200);
  for (let time = 0; time < 200; time += 1) times.ended(a, served(50));
  assert.ok(Math.abs(times.of(a) - 50) < 1);
});

test('long answers do not make a server look slow: two of the same speed look the same', () => {
  const { times } = rig();
  const speed = { firstMs: 200, tokenMs: 10 };
  for (let time = 0; time < 50; time += 1) {
    times.ended(a, streamed(20, speed));
    times.ended(b, streamed(2_000, speed));
  }
  assert.ok(Math.abs(times.of(a) / times.of(b) - 1) < 0.01, `${times.of(a)} and ${times.of(b)}`);
});

test('whole answers are told apart by their tokens as well, with the first content as streams have it', () => {
  const { times } = rig();
  for (let time = 0; time < 50; time += 1) {
    times.ended(a, streamed(100, { firstMs: 200, tokenMs: 10 }));
    times.ended(a, served(200 + 5 * 10, { outputTokens: 5 }));
    times.ended(b, streamed(100, { firstMs: 200, tokenMs: 10 }));
  }
  assert.ok(Math.abs(times.of(a) / times.of(b) - 1) < 0.02, `${times.of(a)} and ${times.of(b)}`);
});

test('of three servers under answers of any length the order of their speeds is learnt', () => {
  const seed = 3;
  const random = createRandom(seed);
  const { times } = rig();
  const speeds = [1, 0.6, 0.3];
  const targets = speeds.map((_, index) => targetOn(upstreamOf(String(index))));
  for (let time = 0; time < 60; time += 1) {
    for (const [index, speed] of speeds.entries()) {
      const target = targets[index];
      const tokens = Math.ceil(random() ** 3 * 2_000);
      if (target) times.ended(target, streamed(tokens, { firstMs: 100 / speed, tokenMs: 5 / speed }));
    }
  }
  const [fast = 0, middle = 0, slow = 0] = targets.map((target) => times.of(target));
  assert.ok(
    Math.abs(middle / fast - 1 / 0.6) < 0.05 && Math.abs(slow / fast - 1 / 0.3) < 0.1,
    `seed ${seed}`,
  );
});

test('a server that was slow looks better with time, until it is tried again', () => {
  const { clock, times } = rig();
  times.ended(b, served(1_000));
  for (let minute = 0; minute < 7; minute += 1) {
    assert.ok(times.of(b) > 100, `tried after ${minute} minutes`);
    clock.advance(60_000);
    times.ended(a, served(100));
  }
  assert.ok(times.of(b) < times.of(a));
  times.ended(b, served(1_000));
  assert.equal(times.of(b), 1_000);
});

test('what was learnt stays over a reload by identity, and goes with the last that names it', () => {
  const { times } = rig();
  times.ended(a, served(100));
  times.ended(b, served(100));
  times.keepOnly([{ ...upstreamOf('renamed'), identity: a.upstream.identity }]);
  assert.equal(times.of(a), 100);
  assert.equal(times.of(b), 0);
});

test('names that clients make up are forgotten, the oldest first', () => {
  const { times } = rig();
  for (let model = 0; model < 1_100; model += 1) times.ended({ ...a, model: `m${model}` }, served(100));
  assert.equal(times.of({ ...a, model: 'm0' }), 0);
  assert.equal(times.of({ ...a, model: 'm1099' }), 100);
});

test('U18: an answer that a server counts beyond reason says little of what is usual', () => {
  const { times } = rig();
  times.ended(a, streamed(100, { firstMs: 100, tokenMs: 10 }));
  for (let time = 0; time < 10; time += 1) times.ended(a, streamed(100, { firstMs: 100, tokenMs: 10 }));
  times.ended(b, served(2_000, { firstContentMs: 100, outputTokens: 1e9 }));
  times.ended(b, served(2_000, { firstContentMs: 100, outputTokens: Number.POSITIVE_INFINITY }));
  assert.ok(times.of(a) < 100_000, `${times.of(a)}`);
  assert.ok(times.of(b) > 0);
  assert.ok(times.leastMs(b, 32_768) >= 2_000, `${times.leastMs(b, 32_768)}`);
});

test('who asks for less than is usual is expected to be done sooner', () => {
  const { times } = rig();
  times.ended(a, streamed(1_000, { firstMs: 100, tokenMs: 10 }));
  assert.equal(times.of(a), 10_100);
  assert.equal(times.leastMs(a, 10), 200);
  assert.equal(times.leastMs(a, 5_000), 10_100);
});

test('what an answer of some length is likely to take goes by its tokens, or by what all take where nobody tells those', () => {
  const { times } = rig();
  assert.equal(times.likelyMs(a, 100), 0);
  times.ended(a, streamed(1_000, { firstMs: 100, tokenMs: 10 }));
  assert.equal(times.likelyMs(a, 100), 1_100);
  times.ended(b, served(300));
  assert.equal(times.likelyMs(b, 100), 300);
});

test('G14: names that are made up make way, and not those that are asked for', () => {
  const { times } = rig();
  const makeUp = (more: string) => {
    for (let name = 0; name < 600; name += 1)
      times.ended({ ...a, model: `made-up-${more}-${name}` }, served(300));
  };
  for (let answer = 0; answer < 50; answer += 1) times.ended(a, served(100));
  makeUp('one');
  times.ended(a, served(100));
  makeUp('two');
  assert.equal(times.of(a), 100);
  assert.equal(times.of({ ...a, model: 'made-up-one-0' }), 0);
});

test('the least that an answer may take is by its own tokens or the fastest of all, and what was long ago is forgotten', () => {
  const { times } = rig();
  assert.equal(times.leastMs(a, 100), 0);
  times.ended(a, streamed(100, { firstMs: 200, tokenMs: 10 }));
  times.ended(a, streamed(1_000, { firstMs: 400, tokenMs: 20 }));
  assert.equal(times.leastMs(a, 1), 210);
  assert.equal(times.leastMs(a, 5_000), 1_200, 'no longer than what was seen');
  for (let count = 0; count < 200; count += 1) times.ended(a, streamed(100, { firstMs: 400, tokenMs: 20 }));
  assert.equal(times.leastMs(a, 1), 420);
});
