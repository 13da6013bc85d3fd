/** Asks servers to load and unload models: one thing at a time on each, because they load one after the other anyway. */
import type { Target, Upstream } from '../core/exchange.ts';
import { type Failure, fail } from '../core/failure.ts';
import type { Keeping, KeepWish } from '../core/fleet.ts';
import type { UpstreamRequest } from '../core/transport.ts';
import type { Clock } from '../lib/clock.ts';
import { ask, type Told } from './ask.ts';
import type { Residency } from './residency.ts';

export interface LoaderOptions {
  readonly clock: Clock;
  readonly residency: Residency;
  readonly keepingOf: (upstream: Upstream) => Keeping | undefined;
  /** What a server said of what it would not do, in our words. */
  readonly refusal: (upstream: Upstream, told: Told) => Failure;
}

export interface LoadWish {
  readonly keepAliveMs?: number | undefined;
  readonly prompt?: string | undefined;
  /** How long the model may take. */
  readonly timeoutMs: number;
}

/** On one server; whoever comes then is refused. */
const waitingMax = 64;
const answerBytesMax = 1024 * 1024;
const unloadMs = 30_000;
/** What a server answers where its model cannot be asked in that way. */
const notThisWay = 400;

export class Loader {
  readonly #options: LoaderOptions;
  readonly #servers = new Map<string, { waiting: number; last: Promise<unknown> }>();

  constructor(options: LoaderOptions) {
    this.#options = options;
  }

  /** Whether the gateway may ask for it there. */
  canLoad({ upstream, model }: Target): boolean {
    return (this.#options.keepingOf(upstream)?.ask({ model }).length ?? 0) > 0;
  }

  /** Whether the gateway may have it unloaded there. */
  canUnload({ upstream, model }: Target): boolean {
    return (this.#options.keepingOf(upstream)?.ask({ model, keepAliveMs: 0 }).length ?? 0) > 0;
  }

  /** Resolves to how long it took, the prompt included; rejects with a Failure that says why it is not there. */
  load(target: Target, { keepAliveMs, prompt, timeoutMs }: LoadWish): Promise<number> {
    return this.#inTurn(target.upstream, async () => {
      const { clock, residency } = this.#options;
      const startedMs = clock.now();
      const cold = residency.began(target);
      try {
        await this.#ask(target, { model: target.model, keepAliveMs }, timeoutMs);
      } catch (thrown) {
        if (cold) residency.notLoaded(target);
        throw thrown;
      }
      residency.loaded(target, clock.now() - startedMs);
      if (prompt !== undefined)
        await this.#ask(target, { model: target.model, keepAliveMs, prompt }, timeoutMs);
      return clock.now() - startedMs;
    });
  }

  unload(target: Target): Promise<void> {
    return this.#inTurn(target.upstream, async () => {
      await this.#ask(target, { model: target.model, keepAliveMs: 0 }, unloadMs);
      this.#options.residency.unloaded(target);
    });
  }

  #inTurn<Value>(upstream: Upstream, run: () => Promise<Value>): Promise<Value> {
    const { identity } = upstream;
    const server = this.#servers.get(identity) ?? { waiting: 0, last: Promise.resolve() };
    if (server.waiting >= waitingMax) {
      const message = `${server.waiting} models wait to be loaded or unloaded on ${upstream.name}`;
      return Promise.reject(fail('queue_full', message, { retryAfterS: 30 }));
    }
    this.#servers.set(identity, server);
    server.waiting += 1;
    const turn = server.last.then(run).finally(() => {
      server.waiting -= 1;
      if (server.waiting === 0) this.#servers.delete(identity);
    });
    // Whoever is next comes whatever became of this one, whose own caller hears of it.
    server.last = turn.catch(() => {});
    return turn;
  }

  async #ask({ upstream, model }: Target, wish: KeepWish, timeoutMs: number): Promise<void> {
    const ways = this.#options.keepingOf(upstream)?.ask(wish) ?? [];
    if (ways.length === 0)
      throw fail('unsupported', `${upstream.name} has ${model} as it likes: it takes no such orders`);
    const told = await this.#firstTaken(upstream, ways, timeoutMs);
    if (told.status >= 300) throw this.#options.refusal(upstream, told);
  }

  async #firstTaken(upstream: Upstream, ways: readonly UpstreamRequest[], timeoutMs: number): Promise<Told> {
    const { clock } = this.#options;
    const [way, ...others] = ways;
    if (way === undefined) throw fail('unsupported', `${upstream.name} has no way to be asked`);
    const told = await ask(upstream.transport, way, { clock, timeoutMs, bytesMax: answerBytesMax });
    if (told.status !== notThisWay || others.length === 0) return told;
    return this.#firstTaken(upstream, others, timeoutMs);
  }
}
