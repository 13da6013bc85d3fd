/**
 * Where upstreams are, by their names. Asked in a way that takes no thread (c-ares), remembered for as long as the answer
 * says within bounds, and never a cloud's metadata service, whatever a name turns out to mean.
 */
import { promises as dns, type LookupAddress, lookup as lookUpBySystem } from 'node:dns';
import { readFile } from 'node:fs/promises';
import { isIP, type LookupFunction } from 'node:net';
import type { Clock } from '../lib/clock.ts';
import { isMetadataAddress } from './public-address.ts';

interface NameResolverOptions {
  readonly clock: Clock;
  /** Servers to ask in place of the system's ways, as IP or IP:PORT. */
  readonly servers: readonly string[];
}

/** An answer that asks to be forgotten at once is kept for so long; one that asks to be kept for ever, for no longer. */
const ttlMsMin = 1_000;
const ttlMsMax = 300_000;
/** What the system says comes without a time. */
const systemTtlMs = 10_000;
/** A name that could not be looked up is asked for again after so long. */
const failedMs = 1_000;
/** While nobody can be asked, what was known is better than nothing. */
const staleMsMax = 300_000;
/** Of one question to one server; each is asked twice. */
const questionMs = 2_000;
/** Only upstreams are looked up here; the oldest makes way. */
const namesMax = 1_024;
const addressesMax = 16;
const hostsFile = '/etc/hosts';

interface Found {
  readonly addresses: readonly LookupAddress[];
  readonly ttlMs: number;
}

interface Kept {
  found: Found | undefined;
  /** Of the last time it was found. */
  foundMs: number;
  failure: NameError | undefined;
  /** When it has to be asked for again. */
  untilMs: number;
  asking: Promise<void> | undefined;
}

/** With the code that the system would give. */
class NameError extends Error {
  readonly code: 'ENOTFOUND' | 'EAI_AGAIN' | 'EMETADATA';

  constructor(message: string, options: { code: NameError['code']; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.name = 'NameError';
    this.code = options.code;
  }
}

export class NameResolver {
  readonly #clock: Clock;
  readonly #servers: readonly string[];
  readonly #dns = new dns.Resolver({ timeout: questionMs, tries: 2 });
  readonly #kept = new Map<string, Kept>();
  /** The system is asked one name after another: each question takes one of the few threads that files need as well. */
  #systemTurn: Promise<unknown> = Promise.resolve();

  constructor({ clock, servers }: NameResolverOptions) {
    this.#clock = clock;
    this.#servers = servers;
    if (servers.length > 0) this.#dns.setServers([...servers]);
  }

  /** For `net.connect`. */
  readonly lookup: LookupFunction = (host, options, callback) => {
    this.resolve(host).then(
      (all) => {
        const family = options.family === 4 || options.family === 6 ? options.family : 0;
        const fitting = family === 0 ? all : all.filter((one) => one.family === family);
        const [first] = fitting;
        if (first === undefined) callback(notFound(host), '');
        else if (options.all === true) callback(null, [...fitting]);
        else callback(null, first.address, first.family);
      },
      (thrown: NodeJS.ErrnoException) => callback(thrown, ''),
    );
  };

  /** Rejects with a `NameError`. Whoever asks for the same name at the same time asks once. */
  async resolve(host: string): Promise<readonly LookupAddress[]> {
    const kept = this.#keptFor(host);
    if (this.#clock.now() >= kept.untilMs) {
      kept.asking ??= this.#ask(host, kept).finally(() => {
        kept.asking = undefined;
      });
      await kept.asking;
    }
    if (kept.found === undefined) throw kept.failure ?? notFound(host);
    return kept.found.addresses;
  }

  async #ask(host: string, kept: Kept): Promise<void> {
    try {
      kept.found = checked(host, await this.#find(host));
      kept.foundMs = this.#clock.now();
      kept.untilMs = kept.foundMs + kept.found.ttlMs;
    } catch (thrown) {
      kept.failure = asNameError(host, thrown);
      const nowMs = this.#clock.now();
      const isStale = kept.failure.code === 'EAI_AGAIN' && nowMs - kept.foundMs < staleMsMax;
      if (!isStale) kept.found = undefined;
      kept.untilMs = nowMs + failedMs;
    }
  }

  async #find(host: string): Promise<Found> {
    if (this.#servers.length > 0) return this.#askServers(host);
    const written = await inHostsFile(host);
    if (written.length > 0) return { addresses: written, ttlMs: systemTtlMs };
    // Names of one part, and those of the neighbourhood, mean what the system takes them for.
    if (!host.includes('.') || host.endsWith('.local')) return this.#askSystem(host);
    return this.#askServers(host).catch((thrown: unknown) => {
      // Where no server can be asked this way, the system may know another.
      if (asNameError(host, thrown).code === 'ENOTFOUND' || isRefused(thrown)) return this.#askSystem(host);
      throw thrown;
    });
  }

  /** Both families at once; one is enough. */
  async #askServers(host: string): Promise<Found> {
    const [four, six] = await Promise.allSettled([
      this.#dns.resolve4(host, { ttl: true }),
      this.#dns.resolve6(host, { ttl: true }),
    ]);
    const records = [
      ...(four.status === 'fulfilled' ? four.value.map((record) => ({ ...record, family: 4 })) : []),
      ...(six.status === 'fulfilled' ? six.value.map((record) => ({ ...record, family: 6 })) : []),
    ];
    if (records.length === 0) throw four.status === 'rejected' ? four.reason : notFound(host);
    const ttlMs = Math.min(...records.map(({ ttl }) => ttl)) * 1_000;
    return {
      addresses: records.map(({ address, family }) => ({ address, family })),
      ttlMs: Math.min(ttlMsMax, Math.max(ttlMsMin, ttlMs)),
    };
  }

  #askSystem(host: string): Promise<Found> {
    const asked = this.#systemTurn.then(
      () =>
        new Promise<Found>((resolve, reject) => {
          lookUpBySystem(host, { all: true }, (error, addresses) => {
            if (error === null) resolve({ addresses, ttlMs: systemTtlMs });
            else reject(error);
          });
        }),
    );
    this.#systemTurn = asked.catch(() => undefined);
    return asked;
  }

  #keptFor(host: string): Kept {
    const known = this.#kept.get(host);
    if (known !== undefined) return known;
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= namesMax && oldest !== undefined) this.#kept.delete(oldest);
    const kept: Kept = {
      found: undefined,
      foundMs: Number.NEGATIVE_INFINITY,
      failure: undefined,
      untilMs: Number.NEGATIVE_INFINITY,
      asking: undefined,
    };
    this.#kept.set(host, kept);
    return kept;
  }
}

/** One that may not be called among others that may means that someone plays with the name. */
function checked(host: string, found: Found): Found {
  if (found.addresses.some(({ address }) => isMetadataAddress(address))) throw metadata(host);
  return { ...found, addresses: found.addresses.slice(0, addressesMax) };
}

function metadata(host: string): NameError {
  return new NameError(`${host} is a cloud's metadata service`, { code: 'EMETADATA' });
}

async function inHostsFile(host: string): Promise<LookupAddress[]> {
  const text = await readFile(hostsFile, 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => {
    const [address = '', ...names] = (line.split('#')[0] ?? '').trim().split(/\s+/);
    const family = isIP(address);
    return family !== 0 && names.includes(host) ? [{ address, family }] : [];
  });
}

function isRefused(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ECONNREFUSED';
}

function notFound(host: string): NameError {
  return new NameError(`${host} has no address`, { code: 'ENOTFOUND' });
}

/** Nobody knows the name, or nobody could be asked: only the first is an answer. */
function asNameError(host: string, thrown: unknown): NameError {
  if (thrown instanceof NameError) return thrown;
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : '';
  const isAnswer = code === 'ENOTFOUND' || code === 'ENODATA';
  return new NameError(`${host} could not be looked up`, {
    code: isAnswer ? 'ENOTFOUND' : 'EAI_AGAIN',
    cause: thrown,
  });
}
