/**
 * Redis, as the drivers see it: an answer within its time or one kind of error, and a state that is told when it
 * changes. There is one way back from whatever was wrong: a new connection on which the probe succeeds. So a server
 * that became a replica is left (R22), and one that hangs keeps nobody waiting.
 */
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Secret } from '../../lib/secret.ts';
import { Breaker } from './breaker.ts';
import { withinDeadline } from './deadline.ts';
import { asRedisError, faultKinds, RedisError, type RedisFault } from './fault.ts';
import { type CreateClient, Link } from './link.ts';
import { probe, probeKey } from './probe.ts';
import { isRedisUrl } from './redis-url.ts';
import type { Script } from './script.ts';

export interface Redis {
  /** All or nothing, and once: unless it times out, after which nobody knows whether it ran. Rejects with a `RedisError`. */
  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  call(args: readonly string[]): Promise<unknown>;
  /** For as long as it is not taken back, over every new connection. */
  subscribe(channel: string, listener: ChannelListener): () => void;
  readonly state: RedisState;
  close(): Promise<void>;
}

/** Neither may throw. */
export interface ChannelListener {
  message(text: string): void;
  /** The connection was gone for a while: messages may have been missed. */
  missed(): void;
}

export type RedisState =
  | { readonly ready: true }
  | { readonly ready: false; readonly kind: RedisFault; readonly message: string };

export interface RedisOptions {
  /** `redis://` or `rediss://`, with user, password and number of the database where they are needed. */
  readonly url: Secret;
  readonly clock: Clock;
  /** How long an answer may take. */
  readonly timeoutMs?: number | undefined;
  /** Once for each change. */
  readonly onState: (state: RedisState) => void;
}

const timeoutMsDefault = 100;
const connectMs = 1_000;
/** Operations under way. Beyond it we wait for ourselves, which is no fault of the server's. */
const pendingMax = 10_000;
const breaking = { consecutiveMax: 5, windowMs: 5_000, outcomesMin: 20, shareMax: 0.5 };
/** With the time an attempt takes: back within ten seconds after the server is. */
const retryMs = { first: 100, most: 4_000 };
/** Of replicas that lost a server together, each has noticed its return so long after the first. */
export const noticedWithinMs = retryMs.most + connectMs;
/** What stood for so long earned a fresh start. */
const stableMs = 10_000;

/** Never fails because the server is away: then it begins without it, and has it when it comes. */
export async function openRedis(options: RedisOptions): Promise<Redis> {
  if (!isRedisUrl(options.url.reveal())) {
    // Without the address itself: a password may stand in it.
    throw new Error('the address of Redis must look like redis://user:password@host:6379/0');
  }
  const { createClient } = await import('@redis/client');
  const connection = new Connection(options, createClient);
  await connection.begin();
  return connection;
}

const ready: RedisState = { ready: true };

class Connection implements Redis {
  readonly #options: RedisOptions;
  readonly #createClient: CreateClient;
  readonly #channels = new Map<string, Set<ChannelListener>>();
  /** Only while it may be used. */
  #link: Link | undefined;
  #state: RedisState = outOf(new RedisError('offline'));
  #told: RedisState | undefined;
  #breaker = new Breaker(breaking);
  #readyAtMs = 0;
  #attempts = 0;
  #attempt = Promise.resolve();
  #retry: Timer | undefined;
  #pending = 0;
  #closed = false;

  constructor(options: RedisOptions, createClient: CreateClient) {
    this.#options = options;
    this.#createClient = createClient;
  }

  get state(): RedisState {
    return this.#state;
  }

  begin(): Promise<void> {
    this.#attempt = this.#open();
    return this.#attempt;
  }

  async run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    const link = this.#link;
    const rest = [String(keys.length), ...keys, ...args];
    try {
      return await this.#operate(link, ['EVALSHA', script.sha1, ...rest]);
    } catch (thrown) {
      if (!(thrown instanceof RedisError) || thrown.kind !== 'noscript') throw thrown;
      return await this.#operate(link, ['EVAL', script.text, ...rest]);
    }
  }

  call(args: readonly string[]): Promise<unknown> {
    return this.#operate(this.#link, args);
  }

  subscribe(channel: string, listener: ChannelListener): () => void {
    const listeners = this.#channels.get(channel);
    if (listeners !== undefined) listeners.add(listener);
    else {
      this.#channels.set(channel, new Set([listener]));
      if (this.#link !== undefined) void this.#subscribeOn(this.#link, channel);
    }
    return () => this.#unsubscribe(channel, listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#retry?.cancel();
    const link = this.#link;
    this.#link = undefined;
    this.#state = outOf(new RedisError('closed'));
    link?.destroy();
    await this.#attempt;
  }

  async #open(): Promise<void> {
    const link = new Link({
      createClient: this.#createClient,
      url: this.#options.url,
      clock: this.#options.clock,
      connectMs,
      onLost: (cause) => this.#leave(link, asRedisError(cause)),
    });
    try {
      await link.connect();
      const channels = [...this.#channels.keys()];
      await Promise.all(channels.map((channel) => this.#listen(link, channel)));
      await this.#probe(link);
      if (link.lost) throw new RedisError('offline');
      if (this.#closed) link.destroy();
      else this.#use(link, channels);
    } catch (thrown) {
      link.destroy();
      if (this.#closed) return;
      this.#become(outOf(asRedisError(thrown)));
      this.#tryLater();
    }
  }

  async #probe(link: Link): Promise<void> {
    const rest = ['1', probeKey];
    const byHash = this.#within(link.send(['EVALSHA', probe.sha1, ...rest]));
    await byHash.catch((thrown: unknown) => {
      if (asRedisError(thrown).kind !== 'noscript') throw thrown;
      return this.#within(link.send(['EVAL', probe.text, ...rest]));
    });
  }

  #use(link: Link, listenedTo: readonly string[]): void {
    this.#link = link;
    this.#breaker = new Breaker(breaking);
    this.#readyAtMs = this.#options.clock.now();
    this.#become(ready);
    for (const [channel, listeners] of this.#channels) {
      if (!listenedTo.includes(channel)) void this.#subscribeOn(link, channel);
      for (const listener of listeners) queueMicrotask(() => listener.missed());
    }
  }

  /** Once for each link: what happens on one that was already left changes nothing. */
  #leave(link: Link, error: RedisError): void {
    if (this.#link !== link) return;
    this.#link = undefined;
    if (this.#options.clock.now() - this.#readyAtMs >= stableMs) this.#attempts = 0;
    this.#become(outOf(error));
    link.destroy();
    this.#tryLater();
  }

  #tryLater(): void {
    const mostMs = Math.min(retryMs.most, retryMs.first * 2 ** Math.min(this.#attempts, 10));
    this.#attempts += 1;
    // Replicas that lost the same server do not come back to it at the same moment.
    const delayMs = mostMs * (0.5 + Math.random() / 2);
    this.#retry = this.#options.clock.after(delayMs, () => {
      this.#attempt = this.#open();
    });
  }

  #become(state: RedisState): void {
    this.#state = state;
    const told = this.#told;
    const news = told?.ready !== state.ready || (!state.ready && !told?.ready && told?.kind !== state.kind);
    if (!news) return;
    this.#told = state;
    this.#options.onState(state);
  }

  async #operate(link: Link | undefined, args: readonly string[]): Promise<unknown> {
    if (link === undefined || link !== this.#link) throw this.#whyNot();
    if (this.#pending >= pendingMax) throw new RedisError('overload');
    this.#pending += 1;
    try {
      const reply = await this.#within(link.send(args));
      this.#breaker.succeeded(this.#options.clock.now());
      return reply;
    } catch (thrown) {
      const error = asRedisError(thrown);
      this.#failed(link, error);
      throw error;
    } finally {
      this.#pending -= 1;
    }
  }

  #whyNot(): RedisError {
    return new RedisError(this.#state.ready ? 'offline' : this.#state.kind);
  }

  #failed(link: Link, error: RedisError): void {
    const { weight } = faultKinds[error.kind];
    if (link !== this.#link || weight === 'own') return;
    if (weight === 'out' || this.#breaker.failed(this.#options.clock.now())) this.#leave(link, error);
  }

  #within<T>(answer: Promise<T>): Promise<T> {
    const { clock, timeoutMs = timeoutMsDefault } = this.#options;
    return withinDeadline(answer, clock, timeoutMs);
  }

  /** A channel that cannot be listened to on a good connection is tried again on a new one. */
  async #subscribeOn(link: Link, channel: string): Promise<void> {
    try {
      await this.#listen(link, channel);
    } catch (thrown) {
      this.#leave(link, asRedisError(thrown));
    }
  }

  #listen(link: Link, channel: string): Promise<void> {
    return this.#within(link.subscribe(channel, (text) => this.#deliver(channel, text)));
  }

  /** Later, so that a listener that throws breaks nothing in the middle of a reply. */
  #deliver(channel: string, text: string): void {
    for (const listener of this.#channels.get(channel) ?? []) queueMicrotask(() => listener.message(text));
  }

  #unsubscribe(channel: string, listener: ChannelListener): void {
    const listeners = this.#channels.get(channel);
    if (listeners === undefined || !listeners.delete(listener) || listeners.size > 0) return;
    this.#channels.delete(channel);
    const link = this.#link;
    if (link === undefined) return;
    this.#within(link.unsubscribe(channel)).catch((thrown: unknown) =>
      this.#failed(link, asRedisError(thrown)),
    );
  }
}

function outOf({ kind, message }: RedisError): RedisState {
  return { ready: false, kind, message };
}
