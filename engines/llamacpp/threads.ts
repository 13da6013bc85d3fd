/** How many threads llama.cpp computes with when nobody said. */

/**
 * llama.cpp's threads spin while they wait for each other at every layer. As soon as one of them has to share
 * its core, all the others burn theirs waiting for it: on two shared cores, the default of one thread a core
 * is 700 times slower than a single thread. Generation is bound by memory long before every core is
 * busy, so half of the physical cores cost little and leave the gateway, and everybody else, room to run.
 */
export function defaultThreads(cores: { readonly physical: number; readonly available: number }): number {
  const usable = Math.min(cores.physical, cores.available);
  return usable <= 2 ? 1 : Math.max(1, Math.floor(usable / 2));
}
