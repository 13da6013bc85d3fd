/** What is learnt of targets by what happens with them, as far as scheduling goes by it. */
import type { Target } from '../core/exchange.ts';
import type { Ending, Known } from '../core/fleet.ts';

export interface Learnt extends Pick<Known, 'serviceMs' | 'loadMs' | 'isPlaced' | 'gpuShare' | 'price'> {
  /** The least that an answer of at most so many tokens was seen to take; 0 where nothing is known. */
  leastMs(target: Target, answerTokens: number): number;
  /** What an answer of so many tokens usually takes there; 0 where nothing is known. */
  likelyMs(target: Target, answerTokens: number): number;
  /** A request goes there; whether its model most likely has to be loaded first. */
  began(target: Target): boolean;
  /** Told of every request that had a slot, once it is over. */
  ended(target: Target, ending: Ending): void;
}
