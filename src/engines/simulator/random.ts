/** Chance that repeats itself: equal seeds give equal sequences, on every machine. */

import { hashText } from '../../lib/hash-text.ts';

export function hashNumber(value: number, from = 0x811c9dc5): number {
  return hashText(String(value), from);
}

/** Mulberry32: numbers in [0, 1), from 32 bits of state. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
