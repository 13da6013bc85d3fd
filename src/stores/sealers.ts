/**
 * The data keys of those whose words are kept: each wrapped by the master key where it lies, and in use for a minute
 * where it is needed. Whoever's key is destroyed cannot be read any more, wherever copies of the sealed words lie.
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { Failure } from '../core/failure.ts';
import type { Presence, Sealer, Sealers } from '../core/ports.ts';
import type { Clock } from '../lib/clock.ts';
import { createSealingKey, KeyRing, keyBytes } from '../lib/seal.ts';
import type { DataKeyOwner, DataKeys } from './sql/data-keys.ts';
import { unavailable } from './sql/outage.ts';
import { aboutDataKey } from './wrapped-key.ts';

export interface SealersOptions {
  readonly dataKeys: DataKeys;
  readonly masterKeys: KeyRing;
  /** Tells the other replicas what is destroyed. */
  readonly presence: Pick<Presence, 'publish' | 'subscribe'>;
  readonly clock: Clock;
}

export interface OpenSealers extends Sealers {
  close(): void;
}

/** A key in use is looked up again in the background after so long: who is busy never waits for the database. */
const lookUpAfterMs = 30_000;
/** Older than this it is not used: a replica that heard nothing of a destroyed key stops by then. */
const heldMsMax = 60_000;
/** While the database is away nobody can destroy a key either: those in use stay so. */
const awayMsMax = 900_000;
/** Those used longest ago go first. */
const heldMax = 10_000;
const channel = 'data-keys';

export function createSealers(options: SealersOptions): OpenSealers {
  return new HeldSealers(options);
}

interface Held {
  sealer: Sealer | undefined;
  /** When the key was last seen in the database. */
  seenMs: number;
  /** Someone was cut off, and may have missed that it was destroyed. */
  doubted: boolean;
  reading: Promise<Sealer> | undefined;
}

class HeldSealers implements OpenSealers {
  readonly #options: SealersOptions;
  readonly #held = new Map<string, Held>();
  readonly close: () => void;

  constructor(options: SealersOptions) {
    this.#options = options;
    this.close = options.presence.subscribe(channel, {
      message: (text) => this.#hear(text),
      missed: () => {
        for (const held of this.#held.values()) held.doubted = true;
      },
    });
  }

  of(tenant: string, user: string): Promise<Sealer> {
    const held = this.#hold(nameOf(tenant, user));
    const ageMs = this.#options.clock.now() - held.seenMs;
    if (held.sealer !== undefined && !held.doubted && ageMs < heldMsMax) {
      // A failure is not lost: who comes after the minute hears of it.
      if (ageMs >= lookUpAfterMs) this.#read(held, { tenant, user }).catch(() => undefined);
      return Promise.resolve(held.sealer);
    }
    return this.#read(held, { tenant, user });
  }

  async destroy(tenant: string, user?: string): Promise<void> {
    await this.#options.dataKeys.remove(tenant, user);
    this.#drop(tenant, user);
    await this.#options.presence.publish(channel, JSON.stringify({ tenant, user }));
  }

  #hold(name: string): Held {
    const held = this.#held.get(name) ?? {
      sealer: undefined,
      seenMs: Number.NEGATIVE_INFINITY,
      doubted: false,
      reading: undefined,
    };
    this.#held.delete(name);
    this.#held.set(name, held);
    if (this.#held.size > heldMax) {
      for (const oldest of this.#held.keys()) {
        this.#held.delete(oldest);
        break;
      }
    }
    return held;
  }

  /** Many that ask for one key ask the database once. What is dropped meanwhile is not put back: it is held by nobody. */
  #read(held: Held, owner: DataKeyOwner): Promise<Sealer> {
    held.reading ??= this.#findOrMake(owner)
      .then((sealer) => {
        held.sealer = sealer;
        held.seenMs = this.#options.clock.now();
        held.doubted = false;
        return sealer;
      })
      .catch((thrown: unknown) => this.#without(held, thrown))
      .finally(() => {
        held.reading = undefined;
      });
    return held.reading;
  }

  #without({ sealer, seenMs }: Held, thrown: unknown): Sealer {
    const away = thrown instanceof Failure && thrown.code === 'dependency_unavailable';
    if (away && sealer !== undefined && this.#options.clock.now() - seenMs < awayMsMax) return sealer;
    throw thrown;
  }

  async #findOrMake(owner: DataKeyOwner): Promise<Sealer> {
    const { dataKeys, masterKeys, clock } = this.#options;
    const about = aboutDataKey(owner);
    const found = await dataKeys.find(owner);
    if (found !== undefined) return this.#unwrap(found.wrapped, about);
    const wrapped = masterKeys.seal(randomBytes(keyBytes), about).toString('base64url');
    const createdAtMs = clock.wall();
    await dataKeys.insert({ ...owner, wrapped, master: masterKeys.current.id, createdAtMs });
    const made = await dataKeys.find(owner);
    // Another may have been first; and yet another may have destroyed that one already.
    if (made === undefined) throw unavailable('the key was destroyed while it was made');
    return this.#unwrap(made.wrapped, about);
  }

  #unwrap(wrapped: string, about: string): Sealer {
    try {
      const bytes = this.#options.masterKeys.open(Buffer.from(wrapped, 'base64url'), about);
      const ring = new KeyRing(createSealingKey(bytes));
      bytes.fill(0);
      return ring;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      const mend =
        'all replicas need the same secrets.masterKey, and the one before in secrets.previousMasterKeys';
      throw unavailable(`the key of what is kept does not open: ${why}; ${mend}`, cause);
    }
  }

  #hear(text: string): void {
    const owner = parseOwner(text);
    if (owner === undefined) this.#held.clear();
    else this.#drop(owner.tenant, owner.user);
  }

  #drop(tenant: string, user: string | undefined): void {
    if (user !== undefined) {
      this.#held.delete(nameOf(tenant, user));
      return;
    }
    const prefix = nameOf(tenant, '').slice(0, -3);
    for (const name of this.#held.keys()) if (name.startsWith(prefix)) this.#held.delete(name);
  }
}

/** `["tenant","user"]`: no name can be spelt to be another's. */
function nameOf(tenant: string, user: string): string {
  return JSON.stringify([tenant, user]);
}

const ownerShape = z.object({ tenant: z.string(), user: z.string().optional() });

/** Words of another version, if they are none of ours. */
function parseOwner(text: string): z.output<typeof ownerShape> | undefined {
  try {
    return ownerShape.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
