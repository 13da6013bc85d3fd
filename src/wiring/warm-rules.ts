/** How long models stay on their servers, by the names that the configuration has for them. */
import type { Config } from '../config/schema.ts';
import type { WarmRule } from '../fleet/warming.ts';
import { defaultClocks } from '../routing/clocks.ts';

/** By the names of an upstream and of a model on it. */
export type WarmRules = (upstream: string, model: string) => WarmRule;

type WarmModelConfig = Config['warm']['models'][string];

export function createWarmRules({ warm, models }: Pick<Config, 'warm' | 'models'>): WarmRules {
  const named = new Map<string, string[]>();
  for (const [name, { targets }] of Object.entries(models)) {
    for (const { upstream, model } of targets) {
      const key = keyOf(upstream, model);
      named.set(key, [...(named.get(key) ?? []), name]);
    }
  }
  const made = new Map<string, WarmRule>();
  return (upstream, model) => {
    const key = keyOf(upstream, model);
    const known = made.get(key);
    if (known !== undefined) return known;
    const names = [...(named.get(key) ?? []), model, `${upstream}/${model}`];
    const own = names.flatMap((name) => namedIn(warm.models, name) ?? []);
    const loadMs = names.flatMap((name) => namedIn(models, name)?.clocks.loadMs ?? []);
    const rule = {
      keepAliveMs: longest(own, 'keepAliveMs') ?? warm.keepAliveMs,
      idleUnloadMs: longest(own, 'idleUnloadMs') ?? warm.idleUnloadMs,
      prompt: own.find(({ prompt }) => prompt !== undefined)?.prompt,
      loadMs: loadMs.length === 0 ? defaultClocks.loadMs : Math.max(...loadMs),
    };
    // Clients may name as many models as they like of a server that lists none.
    if (made.size < rulesMax) made.set(key, rule);
    return rule;
  };
}

const rulesMax = 10_000;

/** Upstreams call their models as they like, and `constructor` is no entry of anybody's. */
function namedIn<Entry>(entries: Readonly<Record<string, Entry>>, name: string): Entry | undefined {
  return Object.hasOwn(entries, name) ? entries[name] : undefined;
}

/** Whether any request is to be told how long its model stays. */
export function keepsAlive({ warm }: Pick<Config, 'warm'>): boolean {
  const own = Object.values(warm.models).map(({ keepAliveMs }) => keepAliveMs);
  return [warm.keepAliveMs, ...own].some((ms) => ms !== undefined);
}

/** A model that has several names stays for as long as one of them needs it. */
function longest(own: readonly WarmModelConfig[], field: 'keepAliveMs' | 'idleUnloadMs'): number | undefined {
  const all = own.flatMap((one) => one[field] ?? []);
  return all.length === 0 ? undefined : Math.max(...all);
}

/** Ollama's names mean `:latest` when they say nothing. */
function keyOf(upstream: string, model: string): string {
  return `${upstream}/${model.endsWith(':latest') ? model.slice(0, -':latest'.length) : model}`;
}
