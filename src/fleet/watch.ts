/**
 * Asks every upstream from time to time what it offers: a cheap question that also tells whether it is there.
 * No model is ever called for that.
 */
import type { JsonObject } from '../core/call.ts';
import type { Upstream } from '../core/exchange.ts';
import { asFailure } from '../core/failure.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { askJson } from './ask.ts';
import type { Catalogue, OfferedModel } from './catalogue.ts';
import type { Health } from './health.ts';

export interface WatchOptions {
  readonly clock: Clock;
  readonly catalogue: Catalogue;
  readonly health: Health;
  readonly everyMs: number;
  readonly listPathOf: (upstream: Upstream) => string;
}

const listTimeoutMs = 5_000;
const listBytesMax = 8 * 1024 * 1024;
const modelsMax = 10_000;

export async function refresh(upstream: Upstream, options: WatchOptions): Promise<void> {
  const request = { method: 'GET', path: options.listPathOf(upstream), headers: [] } as const;
  const asking = { clock: options.clock, timeoutMs: listTimeoutMs, bytesMax: listBytesMax };
  try {
    const models = readModels(await askJson(upstream.transport, request, asking));
    options.catalogue.learn(upstream, models);
    options.health.probed(upstream, undefined);
  } catch (thrown) {
    // What it offered before still stands: a server that restarts has not lost its models.
    options.health.probed(upstream, asFailure(thrown));
  }
}

/** Watches until stopped. Each upstream has its own rhythm, so that a slow one holds up nobody. */
export function watch(upstreams: readonly Upstream[], options: WatchOptions): () => void {
  const timers = new Map<Upstream, Timer>();
  let stopped = false;
  const again = (upstream: Upstream): void => {
    if (stopped) return;
    // A little apart from each other, so that many gateways do not ask at the same moment.
    const waitMs = options.everyMs * (0.9 + Math.random() * 0.2);
    timers.set(
      upstream,
      options.clock.after(waitMs, () => void refresh(upstream, options).then(() => again(upstream))),
    );
  };
  for (const upstream of upstreams) again(upstream);
  return () => {
    stopped = true;
    for (const timer of timers.values()) timer.cancel();
  };
}

/** OpenAI's `data[].id` and Ollama's `models[].name`, whichever it is. */
export function readModels(body: unknown): readonly OfferedModel[] {
  const value = asObject(body);
  const list = value?.['data'] ?? value?.['models'];
  if (!Array.isArray(list)) return [];
  return list.slice(0, modelsMax).flatMap((entry) => {
    const described = asObject(entry);
    const name = described?.['id'] ?? described?.['name'] ?? described?.['model'];
    return described !== undefined && typeof name === 'string' ? [{ name, described }] : [];
  });
}

function asObject(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : undefined;
}
