/**
 * How long requests occupy a slot, as learnt of each target. A long answer does not make a server look slow: what is learnt
 * is the time to the first content and the time of each token after it, and told is what an answer of usual length takes.
 */
import type { Target, Upstream } from '../core/exchange.ts';
import type { Ending } from '../core/fleet.ts';
import type { Clock } from '../lib/clock.ts';
import { Fastest } from './fastest.ts';

/** Of the last so many answers; the older one is, the less it counts. */
const answersCounted = 32;
/** The same for the usual length of answers, which changes more slowly. */
const lengthsCounted = 256;
/**
 * What was learnt and not seen again for so long counts half: a server that was slow looks better with time, until it is
 * tried again. One that is ten times as slow as the best is tried every seven minutes when nothing else asks for it.
 */
const halfLifeMs = 120_000;
/** Of an upstream; clients may make up names for one that lists none. */
const modelsMax = 1_000;
/** No answer that a server tells of counts as longer: one that counts wrongly must not stand for what is usual. */
const answerTokensMax = 32_768;

interface Learnt {
  answers: number;
  /** Until the first content, of answers that came in pieces. */
  firstMs: number;
  /** All the rest, and the tokens that came in it. */
  restMs: number;
  tokens: number;
  /** Of answers without tokens, such as embeddings. */
  wholeMs: number;
  lastMs: number;
  readonly fastest: {
    readonly whole: Fastest;
    /** Until the first content, and for each token after it. */
    readonly first: Fastest;
    readonly token: Fastest;
  };
}

export class ServiceTimes {
  readonly #clock: Clock;
  /** By the upstream's identity, so that a reload forgets nothing, and the model there. */
  readonly #learnt = new Map<string, Map<string, Learnt>>();
  #usualTokens = 0;
  #lengths = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What an answer of usual length takes there; 0 where nothing is known. */
  of({ upstream, model }: Target): number {
    const learnt = this.#learnt.get(upstream.identity)?.get(model);
    if (learnt === undefined) return 0;
    const { firstMs, restMs, tokens, wholeMs } = learnt;
    const usualMs = tokens > 0 ? firstMs + (restMs / tokens) * this.#usualTokens : wholeMs;
    return usualMs * 2 ** ((learnt.lastMs - this.#clock.now()) / halfLifeMs);
  }

  /**
   * The least that an answer of at most so many tokens was seen to take there lately: as the fastest of all, or by its own
   * tokens where that is less. 0 where nothing is known.
   */
  leastMs({ upstream, model }: Target, answerTokens: number): number {
    const learnt = this.#learnt.get(upstream.identity)?.get(model);
    if (learnt === undefined) return 0;
    const { whole, first, token } = learnt.fastest;
    if (token.ms === Number.POSITIVE_INFINITY) return whole.ms;
    const firstMs = first.ms === Number.POSITIVE_INFINITY ? 0 : first.ms;
    return Math.min(whole.ms, firstMs + token.ms * answerTokens);
  }

  /** What an answer of so many tokens usually takes there; 0 where nothing is known. */
  likelyMs({ upstream, model }: Target, answerTokens: number): number {
    const learnt = this.#learnt.get(upstream.identity)?.get(model);
    if (learnt === undefined) return 0;
    const { firstMs, restMs, tokens, wholeMs } = learnt;
    return tokens > 0 ? firstMs + (restMs / tokens) * answerTokens : wholeMs;
  }

  ended(target: Target, ending: Ending): void {
    if (ending.outcome !== 'served' || ending.cold) return;
    const learnt = this.#of(target);
    learnt.answers += 1;
    learnt.lastMs = this.#clock.now();
    learnt.fastest.whole.tell(ending.tookMs);
    const weight = Math.max(1 / learnt.answers, 1 / answersCounted);
    if (ending.outputTokens === 0) {
      learnt.wholeMs += weight * (ending.tookMs - learnt.wholeMs);
      return;
    }
    const outputTokens = Math.min(ending.outputTokens, answerTokensMax);
    this.#learnLength(outputTokens);
    // A whole answer has its first content with its last.
    const isStream = ending.firstContentMs > 0 && ending.firstContentMs < ending.tookMs;
    if (isStream) {
      learnt.firstMs += (learnt.firstMs === 0 ? 1 : weight) * (ending.firstContentMs - learnt.firstMs);
    }
    const firstMs = isStream ? ending.firstContentMs : Math.min(learnt.firstMs, ending.tookMs);
    if (isStream) learnt.fastest.first.tell(firstMs);
    learnt.fastest.token.tell((ending.tookMs - firstMs) / outputTokens);
    learnt.restMs += weight * (ending.tookMs - firstMs - learnt.restMs);
    learnt.tokens += weight * (outputTokens - learnt.tokens);
  }

  /** Forgets upstreams that no configuration names any more. */
  keepOnly(upstreams: readonly Upstream[]): void {
    const kept = new Set(upstreams.map(({ identity }) => identity));
    for (const identity of this.#learnt.keys()) if (!kept.has(identity)) this.#learnt.delete(identity);
  }

  #learnLength(tokens: number): void {
    this.#lengths += 1;
    this.#usualTokens += Math.max(1 / this.#lengths, 1 / lengthsCounted) * (tokens - this.#usualTokens);
  }

  #of({ upstream, model }: Target): Learnt {
    let models = this.#learnt.get(upstream.identity);
    if (models === undefined) {
      models = new Map();
      this.#learnt.set(upstream.identity, models);
    }
    let learnt = models.get(model);
    if (learnt === undefined) {
      const fastest = { whole: new Fastest(), first: new Fastest(), token: new Fastest() };
      learnt = { answers: 0, firstMs: 0, restMs: 0, tokens: 0, wholeMs: 0, lastMs: 0, fastest };
      const [oldest] = models.keys();
      if (models.size >= modelsMax && oldest !== undefined) models.delete(oldest);
      models.set(model, learnt);
    } else if (models.size > modelsMax / 2) {
      // What is used stays: names that nobody asks for again make way. While there are few, nobody has to.
      models.delete(model);
      models.set(model, learnt);
    }
    return learnt;
  }
}
