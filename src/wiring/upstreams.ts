/** From the configuration's upstreams to ones that can be called; what has not changed is kept over a reload. */
import { hash } from 'node:crypto';
import type { Config } from '../config/schema.ts';
import type { Upstream } from '../core/exchange.ts';
import type { Transport } from '../core/transport.ts';
import { openLlamacpp } from '../engines/llamacpp.ts';
import { createSimulator } from '../engines/simulator/engine.ts';
import type { Clock } from '../lib/clock.ts';
import { createHttpTransport } from '../net/http-transport.ts';
import { providers } from '../providers/registry.ts';

type UpstreamConfig = Config['upstreams'][string];

export interface Upstreams {
  readonly all: readonly Upstream[];
  readonly byName: ReadonlyMap<string, Upstream>;
}

export class UpstreamPool {
  readonly #clock: Clock;
  readonly #transports = new Map<string, Transport>();
  /** Still in use by exchanges that began before a reload. */
  readonly #retired = new Set<Transport>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Opens what is new. What is no longer named stays open until it is retired. */
  reconcile(configured: Readonly<Record<string, UpstreamConfig>>): Upstreams {
    const all = Object.entries(configured).map(([name, config]) => this.#open(name, config));
    return { all, byName: new Map(all.map((upstream) => [upstream.name, upstream])) };
  }

  /** Hands out no more what `kept` does not name. Returns what closes it, for when nobody needs it any more. */
  retire(kept: readonly Upstream[]): () => void {
    const named = new Set(kept.map((upstream) => upstream.identity));
    const left = [...this.#transports].filter(([identity]) => !named.has(identity));
    for (const [identity, transport] of left) {
      this.#transports.delete(identity);
      this.#retired.add(transport);
    }
    return () => {
      for (const [, transport] of left) if (this.#retired.delete(transport)) void transport.close();
    };
  }

  async close(): Promise<void> {
    const all = [...this.#transports.values(), ...this.#retired];
    this.#transports.clear();
    this.#retired.clear();
    await Promise.allSettled(all.map((transport) => transport.close()));
  }

  #open(name: string, config: UpstreamConfig): Upstream {
    const provider = providers[config.type];
    const identity = identityOf(name, config);
    let transport = this.#transports.get(identity);
    if (transport === undefined) {
      transport = openTransport(config, this.#clock);
      this.#transports.set(identity, transport);
    }
    const slots = config.slots ?? provider.slots;
    const { adapter, loadsModels } = provider;
    return { name, adapter, transport, identity, slots, loadsModels, secrets: secretsOf(config) };
  }
}

/** Everything that makes another server or account of it, secrets included: hashed, so that it may be shown. */
function identityOf(name: string, config: UpstreamConfig): string {
  const parts = [name, JSON.stringify(config)];
  if ('key' in config) parts.push(config.key?.reveal() ?? '');
  if ('headers' in config) parts.push(...Object.values(config.headers).map((value) => value.reveal()));
  return `${name}#${hash('sha256', parts.join('\u0000')).slice(0, 16)}`;
}

/** Headers as a whole, and without the scheme in front: `Token abc` is as telling as `abc`. */
function secretsOf(config: UpstreamConfig): readonly string[] {
  const values = 'headers' in config ? Object.values(config.headers).map((value) => value.reveal()) : [];
  if ('key' in config && config.key !== undefined) values.push(config.key.reveal());
  const all = values.flatMap((value) => [value, value.slice(value.lastIndexOf(' ') + 1)]);
  return [...new Set(all)].filter((secret) => secret.length >= secretLengthMin);
}

/** Shorter ones are words, such as `true`, that would be missed in a message. */
const secretLengthMin = 8;

function openTransport(config: UpstreamConfig, clock: Clock): Transport {
  switch (config.type) {
    case 'simulator':
      return createSimulator(config, clock);
    case 'llamacpp':
      return openLlamacpp(config, clock);
    case 'openai':
    case 'ollama':
      return openHttp(config);
  }
}

function openHttp(config: Extract<UpstreamConfig, { type: 'openai' | 'ollama' }>): Transport {
  const url = new URL(config.url);
  const path = url.pathname === '/' ? providers[config.type].basePath : url.pathname.replace(/\/$/, '');
  const headers = Object.entries(config.headers).flatMap(([name, value]) => [name, value.reveal()]);
  if (config.key !== undefined) headers.push('authorization', `Bearer ${config.key.reveal()}`);
  return createHttpTransport({
    origin: url.origin,
    basePath: path,
    headers,
    connections: config.connections,
    idleMax: config.idlePerHost,
    connectMs: config.connectMs,
    keepAliveMs: config.keepAliveMs,
  });
}
