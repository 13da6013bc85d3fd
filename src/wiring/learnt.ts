/** What the scheduler knows of targets, from whoever learns it. */
import type { Target } from '../core/exchange.ts';
import type { Learnt } from '../fleet/learnt.ts';
import type { Residency } from '../fleet/residency.ts';
import type { ServiceTimes } from '../fleet/service-times.ts';

export interface LearntOptions {
  readonly residency: Residency;
  readonly serviceTimes: ServiceTimes;
  /** What a token costs there, by the prices of the configuration in force. */
  readonly price: (target: Target) => number;
}

export function createLearnt({ residency, serviceTimes, price }: LearntOptions): Learnt {
  return {
    serviceMs: (target) => serviceTimes.of(target),
    leastMs: (target, answerTokens) => serviceTimes.leastMs(target, answerTokens),
    likelyMs: (target, answerTokens) => serviceTimes.likelyMs(target, answerTokens),
    loadMs: (target, nowMs) => residency.loadMs(target, nowMs),
    isPlaced: (target) => residency.isPlaced(target),
    gpuShare: (target) => residency.gpuShare(target),
    price,
    began: (target) => residency.began(target),
    ended: (target, ending) => {
      residency.ended(target, ending);
      serviceTimes.ended(target, ending);
    },
  };
}
