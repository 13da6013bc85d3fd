/**
 * What the configuration will know once its part is built. Refused by name, so that nobody believes in a setting
 * that does nothing. A star stands for any name or index.
 */

/** Keys, and what they will do. */
export const keysNotBuiltYet: Readonly<Record<string, string>> = {
  cache: 'answering from a cache',
  routing: 'routing by content',
  guards: 'checks of what goes in and comes out',
  jobs: 'jobs in the background',
  rollouts: 'gradual changes of models',
  tools: 'tools run by the gateway',
  'upstreams.*.api': 'choosing between the APIs of an upstream',
  'upstreams.*.tls': 'certificates of your own for an upstream',
  'models.*.cache': 'answering from a cache',
  'prices.*.cacheWritePerM': 'prices of what an upstream keeps: none tells yet how much it kept',
  'telemetry.journal': 'a journal of exchanges to look through',
  'telemetry.traces': 'following a request across services',
};

interface ValueNotBuiltYet {
  readonly path: string;
  readonly matches: RegExp;
  /** The value as it may be shown: an address can hold a password. */
  readonly shown: string;
  readonly what: string;
}

export const valuesNotBuiltYet: readonly ValueNotBuiltYet[] = [
  { path: 'models.*.context', matches: /^grow$/, shown: 'grow', what: 'reloading with more context' },
  {
    path: 'models.*.context',
    matches: /^move$/,
    shown: 'move',
    what: 'moving to a target with more context',
  },
];

export function isPathLike(path: readonly PropertyKey[], pattern: string): boolean {
  const steps = pattern.split('.');
  return steps.length === path.length && steps.every((step, index) => step === '*' || step === path[index]);
}
