/** Which requests the simulator fails, and how: the same ones in every run with the same seed. */
import type { SimulatorOptions } from '../simulator-options.ts';

export type Fate = 'answer' | SimulatorOptions['failures'][number];

export function chooseFate(options: SimulatorOptions, random: () => number): Fate {
  if (options.failureRate === 0 || random() >= options.failureRate) return 'answer';
  return options.failures[Math.floor(random() * options.failures.length)] ?? 'status';
}
