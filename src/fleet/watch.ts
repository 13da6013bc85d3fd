/**
 * Asks every upstream from time to time what it offers: a cheap question that also tells whether it is there.
 * No model is ever called for that.
 */
import type { SlotsTold } from '../core/adapter.ts';
import type { Upstream } from '../core/exchange.ts';
import { asFailure, Failure, fail } from '../core/failure.ts';
import { asObject } from '../core/json-object.ts';
import type { Signal } from '../core/signal.ts';
import type { Clock } from '../lib/clock.ts';
import { type AskOptions, ask, askJson, readJson } from './ask.ts';
import type { Catalogue, OfferedModel } from './catalogue.ts';
import type { Health } from './health.ts';
import type { Scheduler } from './scheduler.ts';
import { WatchedServer } from './watched-server.ts';

export interface WatchOptions {
  readonly clock: Clock;
  readonly catalogue: Catalogue;
  readonly health: Health;
  readonly everyMsOf: (upstream: Upstream) => number;
  /** A server that has said nothing for so long, asked twice, is silent; 0 where that counts for nothing. */
  readonly silentMs: number;
  /** Whether silence alone leaves it out: not where it is somebody else's, and far away. */
  readonly isChecked: (upstream: Upstream) => boolean;
  /** Told of a server that says nothing, and of those who did meanwhile, by name. */
  readonly onSilent: (upstream: Upstream, others: ReadonlySet<string>) => void;
  readonly scheduler: Scheduler;
  readonly listPathOf: (upstream: Upstream) => string;
  /** Where a server tells its slots, if servers of its kind do. */
  readonly slotsToldBy: (upstream: Upstream) => SlotsTold | undefined;
  /** Told of a server that should tell its slots and did not: what is known of them stands. */
  readonly onUntold: (upstream: Upstream, failure: Failure) => void;
  /** Told how each question went. */
  readonly onListing: (listing: Listing) => void;
}

interface Listing {
  readonly upstream: string;
  readonly tookMs: number;
  /** How many models it told of, or why none. */
  readonly outcome: number | Failure;
}

const listTimeoutMs = 5_000;
const listBytesMax = 8 * 1024 * 1024;
const modelsMax = 10_000;

/** Statuses of servers that have no list to tell. */
const listless: ReadonlySet<number> = new Set([404, 405, 501]);

/** Never rejects. A `signal` that aborts drops the question. */
export async function refresh(upstream: Upstream, options: WatchOptions, signal?: Signal): Promise<void> {
  const { clock, health } = options;
  const startedMs = clock.now();
  let outcome: number | Failure;
  try {
    outcome = await list(upstream, options, signal);
    if (outcome instanceof Failure) health.withoutList(upstream, outcome);
    else health.probed(upstream, undefined);
  } catch (thrown) {
    if (signal?.aborted === true) return;
    outcome = asFailure(thrown);
    health.probed(upstream, outcome);
  }
  options.onListing({ upstream: upstream.name, tookMs: clock.now() - startedMs, outcome });
}

/**
 * How many models it told of; a Failure that is returned, not thrown, says that it has no list at all. What it offered
 * before stands while it does not tell: a server that restarts has lost none.
 */
async function list(upstream: Upstream, options: WatchOptions, signal?: Signal): Promise<number | Failure> {
  const { clock, catalogue } = options;
  const path = options.listPathOf(upstream);
  const asking = { clock, timeoutMs: listTimeoutMs, bytesMax: listBytesMax, ...(signal && { signal }) };
  const told = await ask(upstream.transport, { method: 'GET', path, headers: [] }, asking);
  if (listless.has(told.status) && catalogue.of(upstream).length === 0) {
    if (!catalogue.hasHeard(upstream)) catalogue.learn(upstream, []);
    return fail(
      'upstream_failed',
      `the upstream has no list of models: it answered ${path} with ${told.status}`,
    );
  }
  const models = readModels(readJson(told, path));
  catalogue.learn(upstream, models);
  await askSlots(upstream, options, { models, asking });
  return models.length;
}

interface Heard {
  readonly models: readonly OfferedModel[];
  readonly asking: AskOptions;
}

async function askSlots(upstream: Upstream, options: WatchOptions, { models, asking }: Heard): Promise<void> {
  const { scheduler, slotsToldBy } = options;
  const teller = upstream.slotsAssumed ? slotsToldBy(upstream) : undefined;
  if (teller === undefined) return;
  if (!models.some(({ described }) => teller.isToldBy(described)))
    return scheduler.learn(upstream, undefined);
  try {
    const request = { method: 'GET', path: teller.path, headers: [] } as const;
    scheduler.learn(upstream, teller.read(await askJson(upstream.transport, request, asking)));
  } catch (thrown) {
    options.onUntold(upstream, asFailure(thrown));
  }
}

/** Asks at once, and then until stopped. Each upstream has its own rhythm, so that a slow one holds up nobody. */
export function watch(upstreams: readonly Upstream[], options: WatchOptions): () => void {
  const { clock, health, silentMs } = options;
  const servers = new Map<string, WatchedServer>();
  for (const upstream of upstreams) {
    /** How much the others had said when this one was first found to say nothing. */
    let doubted: readonly Spoken[] = [];
    const server = new WatchedServer({
      ...{ clock, upstream, silentMs },
      everyMs: options.everyMsOf(upstream),
      ask: (signal) => refresh(upstream, options, signal),
      onDoubt: () => {
        const others = upstreams.filter((other) => other !== upstream);
        doubted = others.map((other) => ({ upstream: other, heard: other.transport.heard }));
        for (const { identity } of others) servers.get(identity)?.look();
      },
      onSilent: () => conclude(upstream, doubted, options),
    });
    servers.set(upstream.identity, server);
  }
  for (const server of servers.values()) server.look();
  // Whoever is left out for the silence that requests met is asked at once whether it is hung.
  const unhear = health.onChange((identity = '') => servers.get(identity)?.fellSilent(health));
  return () => {
    unhear();
    for (const server of servers.values()) server.stop();
  };
}

/** How much somebody had said. */
interface Spoken {
  readonly upstream: Upstream;
  readonly heard: number | undefined;
}

/** Nobody is silent where nobody else says anything either: then it is our own way that broke, or us. */
function conclude(upstream: Upstream, doubted: readonly Spoken[], options: WatchOptions): void {
  const { health, silentMs } = options;
  const outcome = fail(
    'total_timeout',
    `the upstream has said nothing for ${silentMs} ms, though it was asked twice how it is`,
  );
  const spoke = doubted.filter(({ upstream: other, heard }) =>
    heard === undefined ? health.of(other).state === 'up' : other.transport.heard !== heard,
  );
  const isAlone = spoke.length > 0 && (options.isChecked(upstream) || health.isSilent(upstream));
  if (isAlone) health.silent(upstream, outcome);
  else health.probed(upstream, outcome);
  options.onListing({ upstream: upstream.name, tookMs: silentMs, outcome });
  if (!isAlone) return;
  const sound = spoke.filter(({ upstream: other }) => health.of(other).state !== 'down');
  options.onSilent(upstream, new Set(sound.map(({ upstream: { name } }) => name)));
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
