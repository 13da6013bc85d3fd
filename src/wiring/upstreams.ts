/** From the configuration's upstreams to ones that can be called; what has not changed is kept over a reload. */
import { hash } from 'node:crypto';
import type { LookupFunction } from 'node:net';
import type { Config } from '../config/schema.ts';
import type { Upstream } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';
import type { Transport } from '../core/transport.ts';
import { openLlamacpp } from '../engines/llamacpp.ts';
import { createSimulator } from '../engines/simulator/engine.ts';
import type { Clock } from '../lib/clock.ts';
import { createHttpTransport } from '../net/http-transport.ts';
import { NameResolver } from '../net/name-resolver.ts';
import { addressOfUrl, namedBy } from '../net/named-by.ts';
import type { NamedBy } from '../net/outgoing-url.ts';
import { providers } from '../providers/registry.ts';
import { keptAlive } from './kept-alive.ts';
import type { WarmRules } from './warm-rules.ts';

type UpstreamConfig = Config['upstreams'][string];
type HttpConfig = Extract<UpstreamConfig, { url: string }>;
type EngineConfig = Exclude<UpstreamConfig, HttpConfig>;

export interface Upstreams {
  readonly all: readonly Upstream[];
  readonly byName: ReadonlyMap<string, Upstream>;
}

/** What is there, and whose addresses are not the operator's. */
type Configured = Pick<Config, 'upstreams' | 'strangers'>;

interface WayOptions {
  readonly slots: number;
  readonly strangers: Configured['strangers'];
}

interface PoolOptions {
  /** Who does not serve starts no engines. */
  readonly serves?: boolean;
  /** Asked for the names of upstreams, in place of the system's ways. */
  readonly nameServers?: readonly string[];
}

export class UpstreamPool {
  readonly #clock: Clock;
  readonly #serves: boolean;
  readonly #names: NameResolver;
  /** By identity and sizes: what both are the same for goes the same way. */
  readonly #transports = new Map<string, Transport>();
  /** Still in use by exchanges that began before a reload. */
  readonly #retired = new Set<Transport>();

  constructor(clock: Clock, { serves = true, nameServers = [] }: PoolOptions = {}) {
    this.#clock = clock;
    this.#serves = serves;
    this.#names = new NameResolver({ clock, servers: nameServers });
  }

  /** Opens what is new. What is no longer named stays open until it is retired. */
  reconcile({ upstreams, strangers }: Configured, rules?: WarmRules): Upstreams {
    const all = Object.entries(upstreams).map(([name, config]) =>
      withKeepAlive(this.#open(name, config, strangers), rules),
    );
    return { all, byName: new Map(all.map((upstream) => [upstream.name, upstream])) };
  }

  /** Hands out no more what `kept` does not use. Returns what closes it, for when nobody needs it any more. */
  retire(kept: readonly Upstream[]): () => void {
    const used = new Set(kept.map((upstream) => upstream.transport));
    const left = [...this.#transports].filter(([, transport]) => !used.has(transport));
    for (const [way, transport] of left) {
      this.#transports.delete(way);
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

  #open(name: string, config: UpstreamConfig, strangers: Configured['strangers']): Upstream {
    const { adapter, loadsModels, slots: slotsByKind, slotsMax: slotsMaxByKind } = providers[config.type];
    const slotsPerModel = 'slotsPerModel' in config ? config.slotsPerModel : undefined;
    const slotsSaid = config.slots ?? (slotsPerModel === undefined ? undefined : slotsOfModelsMax);
    const slots = slotsSaid ?? slotsByKind;
    const slotsAssumed = slotsSaid === undefined;
    const identity = identityOf(name, config);
    const slotsMax = slotsSaid ?? slotsMaxByKind;
    const sizes = { slots, slotsAssumed, slotsMax, slotsPerModel };
    const transport = this.#transportTo(identity, config, { slots: slotsMax, strangers });
    const secrets = secretsOf(config);
    // An engine of our own stands where we stand.
    const zone = ('zone' in config ? config.zone : undefined) ?? '';
    return { name, adapter, transport, identity, ...sizes, zone, loadsModels, secrets };
  }

  /** What was learnt of a server stays when only the way there changes. */
  #transportTo(identity: string, config: UpstreamConfig, { slots, strangers }: WayOptions): Transport {
    if (!('url' in config))
      return this.#kept(identity, () => (this.#serves ? openEngine(config, this.#clock) : noEngine));
    // A connection that is kept was checked by the rule of its time: another rule is another way.
    const way = { ...sizesOf(config, slots), namedBy: namedBy(addressOfUrl(config.url), strangers) };
    return this.#kept(`${identity} ${JSON.stringify(way)}`, () =>
      openHttp(config, { ...way, lookup: this.#names.lookup }),
    );
  }

  #kept(way: string, open: () => Transport): Transport {
    const transport = this.#transports.get(way) ?? open();
    this.#transports.set(way, transport);
    return transport;
  }
}

/** Where requests may say how long their model is to stay, those that do not say what the configuration says. */
function withKeepAlive(upstream: Upstream, rules: WarmRules | undefined): Upstream {
  const { adapter, name } = upstream;
  if (rules === undefined || !adapter.loads) return upstream;
  return { ...upstream, adapter: keptAlive(adapter, (model) => rules(name, model).keepAliveMs) };
}

/** Everything that makes another server or account of it, secrets included: hashed, so that it may be shown. */
export function identityOf(name: string, config: UpstreamConfig): string {
  const parts = 'url' in config ? accountOf(config) : [JSON.stringify(config)];
  return `${name}#${hash('sha256', [name, ...parts].join('\u0000')).slice(0, 16)}`;
}

function accountOf({ type, url, key, headers }: HttpConfig): readonly string[] {
  const sent = Object.entries(headers).flatMap(([name, value]) => [name, value.reveal()]);
  return [type, url, key?.reveal() ?? '', ...sent];
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

function openEngine(config: EngineConfig, clock: Clock): Transport {
  return config.type === 'simulator' ? createSimulator(config, clock) : openLlamacpp(config, clock);
}

/** In the place of one that another process of this gateway has. */
const noEngine: Transport = {
  send: (_request, receiver) => {
    queueMicrotask(() => receiver.fail(fail('internal', 'this process serves nobody and has no engines')));
    return { pause: () => {}, resume: () => {}, abort: () => {} };
  },
  close: () => Promise.resolve(),
};

/** Where only the slots of each model are said, all models together have no more. */
const slotsOfModelsMax = 1_024;
/** For listings and the like, beside the calls that occupy the slots. */
const connectionsBesideSlots = 4;

function sizesOf({ connections, idlePerHost, connectMs, keepAliveMs }: HttpConfig, slots: number) {
  return {
    connections: Math.max(connections, slots + connectionsBesideSlots),
    idleMax: idlePerHost,
    connectMs,
    keepAliveMs,
  };
}

type Way = ReturnType<typeof sizesOf> & { readonly namedBy: NamedBy; readonly lookup: LookupFunction };

function openHttp(config: HttpConfig, way: Way): Transport {
  const url = new URL(config.url);
  const basePath = url.pathname === '/' ? providers[config.type].basePath : url.pathname.replace(/\/$/, '');
  const headers = Object.entries(config.headers).flatMap(([name, value]) => [name, value.reveal()]);
  if (config.key !== undefined) headers.push('authorization', `Bearer ${config.key.reveal()}`);
  return createHttpTransport({ origin: url.origin, basePath, headers, ...way });
}
