import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fail } from '../core/failure.ts';
import type { Ending } from '../core/fleet.ts';
import { createRandom } from '../engines/simulator/random.ts';
import { AdaptiveLimit } from './adaptive-limit.ts';

interface ServerOptions {
  readonly limit: AdaptiveLimit;
  readonly slots: number;
  /** Before its first content, once it is worked on. */
  readonly firstMs: number;
  readonly tokenMs: number;
  readonly streams: boolean;
  readonly random: () => number;
}

interface Work {
  readonly sentMs: number;
  readonly tokens: number;
  begunMs: number;
  doneMs: number;
}

/** A server that works on so many requests and lets the others wait, under as many requests as the limit allows. */
class Server {
  slots: number;
  nowMs = 0;
  readonly #options: ServerOptions;
  readonly #working: Work[] = [];
  readonly #waiting: Work[] = [];

  constructor(options: ServerOptions) {
    this.#options = options;
    this.slots = options.slots;
  }

  /** Ends so many requests; as many as `demand` and the limit allow are under way all the time. */
  run(answers: number, demand = Number.POSITIVE_INFINITY): number[] {
    const { limit } = this.#options;
    const limits: number[] = [];
    for (let done = 0; done < answers; done += 1) {
      while (this.#inFlight < Math.min(limit.now, demand)) this.#send();
      const inFlight = this.#inFlight;
      const ended = this.#end();
      if (ended !== undefined) limit.ended(this.#endingOf(ended), inFlight);
      limits.push(limit.now);
    }
    return limits;
  }

  get #inFlight(): number {
    return this.#working.length + this.#waiting.length;
  }

  #send(): void {
    const tokens = 20 + Math.floor(this.#options.random() * 400);
    this.#waiting.push({ sentMs: this.nowMs, tokens, begunMs: 0, doneMs: 0 });
    this.#begin();
  }

  #begin(): void {
    while (this.#working.length < this.slots) {
      const work = this.#waiting.shift();
      if (work === undefined) return;
      const { firstMs, tokenMs, random } = this.#options;
      work.begunMs = this.nowMs;
      work.doneMs = this.nowMs + firstMs * (0.8 + 0.4 * random()) + work.tokens * tokenMs;
      this.#working.push(work);
    }
  }

  #end(): Work | undefined {
    this.#working.sort((one, other) => one.doneMs - other.doneMs);
    const ended = this.#working.shift();
    this.nowMs = ended?.doneMs ?? this.nowMs;
    this.#begin();
    return ended;
  }

  #endingOf({ sentMs, begunMs, doneMs, tokens }: Work): Ending {
    const { firstMs, streams } = this.#options;
    const firstContentMs = streams ? begunMs - sentMs + firstMs : 0;
    return { outcome: 'served', tookMs: doneMs - sentMs, firstContentMs, outputTokens: tokens, cold: false };
  }
}

function rig(given: Partial<ServerOptions> & { readonly slots: number; readonly start?: number }) {
  const limit = new AdaptiveLimit({ start: given.start ?? 1, max: 64 });
  const random = createRandom(7);
  return { limit, server: new Server({ limit, firstMs: 200, tokenMs: 10, streams: true, random, ...given }) };
}

function mostOften(limits: readonly number[]): number {
  const counts = Map.groupBy(limits, (limit) => limit);
  return [...counts].toSorted(([, one], [, other]) => other.length - one.length)[0]?.[0] ?? 0;
}

/** The published promise: by one, or by a sixth of many. */
const isNear = (found: number, slots: number) => Math.abs(found - slots) <= Math.max(1, slots / 6);

for (const slots of [1, 2, 3, 4, 6, 8, 12, 16]) {
  test(`a server with ${slots} slots is found out by its streams, by one more or less`, () => {
    for (const start of [1, 16]) {
      const { server } = rig({ slots, start });
      server.run(3_000);
      const found = mostOften(server.run(2_000));
      assert.ok(isNear(found, slots), `found ${found} from ${start}`);
    }
  });
}

test('where all answers are whole, the time of their tokens tells as well', () => {
  for (const slots of [1, 2, 4, 8]) {
    const { server } = rig({ slots, streams: false });
    server.run(2_000);
    const found = mostOften(server.run(2_000));
    assert.ok(isNear(found, slots), `found ${found} for ${slots}`);
  }
});

test('a limit that is not used up does not grow', () => {
  const { server } = rig({ slots: 8, start: 4 });
  assert.equal(Math.max(...server.run(1_000, 1)), 4);
});

test('a server that gets fewer slots, or more, is found out again', () => {
  const { server } = rig({ slots: 8 });
  server.run(2_000);
  server.slots = 2;
  server.run(2_000);
  assert.ok(isNear(mostOften(server.run(1_000)), 2));
  server.slots = 6;
  server.run(4_000);
  assert.ok(isNear(mostOften(server.run(1_000)), 6));
});

const refused = (code: 'upstream_overloaded' | 'upstream_rate_limited'): Ending => ({
  outcome: fail(code, 'too much'),
  tookMs: 1,
  firstContentMs: 0,
  outputTokens: 0,
  cold: false,
});

test('a server that says it is too much is sent less, once for all that were under way, and never nothing', () => {
  for (const code of ['upstream_overloaded', 'upstream_rate_limited'] as const) {
    const limit = new AdaptiveLimit({ start: 12, max: 64 });
    for (let inFlight = 10; inFlight > 0; inFlight -= 1) limit.ended(refused(code), inFlight);
    assert.equal(limit.now, 7, 'of the ten that were under way, not of the limit');
    for (let time = 0; time < 100; time += 1) limit.ended(refused(code), 1);
    assert.equal(limit.now, 1);
  }
});

test('neither a cold answer, nor one that failed, nor one that nobody waited for says anything', () => {
  const limit = new AdaptiveLimit({ start: 4, max: 64 });
  const quick: Ending = { outcome: 'served', tookMs: 10, firstContentMs: 5, outputTokens: 9, cold: false };
  for (let time = 0; time < 100; time += 1) {
    limit.ended({ ...quick, cold: true }, 4);
    limit.ended({ ...quick, outcome: 'left' }, 4);
    limit.ended({ ...quick, outcome: fail('upstream_cut', 'it broke') }, 4);
  }
  assert.equal(limit.now, 4);
  for (let time = 0; time < 100; time += 1) limit.ended(quick, 4);
  assert.ok(limit.now > 4);
});

test('short prompts of one client do not take the slots from those who ask at length', () => {
  for (const streams of [true, false]) {
    const { limit, server } = rig({ slots: 8, start: 4, firstMs: 1_000, streams });
    for (let time = 0; time < 40; time += 1)
      limit.ended(
        { outcome: 'served', tookMs: 12, firstContentMs: streams ? 10 : 0, outputTokens: 1, cold: false },
        4,
      );
    server.run(2_000);
    const found = mostOften(server.run(1_000));
    assert.ok(isNear(found, 8), `found ${found}`);
  }
});
