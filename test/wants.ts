/** What the tests of scheduling want, and how it ended: each says only what it is about. */
import type { Target } from '../src/core/exchange.ts';
import type { Ending, Gate, Want } from '../src/core/fleet.ts';
import type { Learnt } from '../src/fleet/learnt.ts';
import { queueOptions } from '../src/fleet/options.ts';
import type { QueueOptions } from '../src/fleet/scheduler.ts';
import { createRoundRobin } from '../src/routing/policies/round-robin.ts';

const nobody: ReadonlySet<string> = new Set();

export function wantOf(candidates: readonly Target[], said: Partial<Want> = {}): Want {
  return {
    model: candidates[0]?.model ?? '',
    candidates,
    visited: nobody,
    policy: createRoundRobin(),
    tenant: 'default',
    key: 'key',
    tokens: 1,
    answerTokens: 1,
    priority: 0,
    bytes: 1,
    places: 1,
    arrivedMs: 0,
    deadlineMs: Number.POSITIVE_INFINITY,
    prefix: 0,
    ...said,
  };
}

export function endingOf(outcome: Ending['outcome']): Ending {
  return { outcome, tookMs: 1, firstContentMs: 1, outputTokens: 1, cold: false };
}

/** Nobody is out of order. */
export const openGate: Gate = {
  allows: (_, slots) => slots,
  shutFor: () => [],
  began: () => {},
  ended: () => {},
  refusal: () => undefined,
  onChange: () => {},
};

/** Nothing is known of anybody. */
export const nothingLearnt: Learnt = {
  serviceMs: () => 0,
  leastMs: () => 0,
  likelyMs: () => 0,
  loadMs: () => 0,
  isPlaced: () => true,
  gpuShare: () => 1,
  price: () => 0,
  began: () => false,
  ended: () => {},
};

/** The queue as it is where nobody says otherwise. */
export function queueOf(said: Partial<QueueOptions> = {}): QueueOptions {
  return { ...queueOptions.parse({}), ...said };
}
