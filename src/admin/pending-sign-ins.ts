/**
 * Those who are on their way to the issuer and back carry what they went with, sealed, in their cookie. Anybody may begin
 * to sign in: were it kept here, a flood of beginnings would push out those who are under way.
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { fail } from '../core/failure.ts';
import type { Sealer, Tickets } from '../core/ports.ts';
import type { Clock } from '../lib/clock.ts';
import { createSealingKey, KeyRing, keyBytes, SealError } from '../lib/seal.ts';
import type { SignInSecrets } from './identity-provider.ts';
import { parseJson } from './sessions.ts';

export interface PendingSignInsOptions {
  /** For one key, by which all gateways that share it seal. */
  readonly keys: Tickets;
  readonly clock: Clock;
}

/** Passwords are looked up, second factors are fetched. */
export const pendingMs = 600_000;
/** What it sealed last can be opened until that has ended. */
const keyMs = 2 * pendingMs;
const keyName = 'key';
const about = 'sign-in';
/** Three names of 43 characters, a time, and what sealing adds come to less than half of it. */
const sealedCharsMax = 1_024;

export class PendingSignIns {
  readonly #options: PendingSignInsOptions;
  #making: Promise<Sealer> | undefined;

  constructor(options: PendingSignInsOptions) {
    this.#options = options;
  }

  async seal(secrets: SignInSecrets): Promise<string> {
    const sealer = (await this.#findSealer()) ?? (await this.#sealerForAll());
    const untilMs = this.#options.clock.wall() + pendingMs;
    const sealed = sealer.seal(Buffer.from(JSON.stringify({ ...secrets, untilMs })), about);
    return Buffer.from(sealed).toString('base64url');
  }

  /** Nothing where it took too long, or was not sealed here. That it ends once is for the issuer, whose code ends with it. */
  async open(text: string): Promise<SignInSecrets | undefined> {
    if (text.length > sealedCharsMax) return undefined;
    const sealer = await this.#findSealer();
    const opened = sealer && opens(sealer, Buffer.from(text, 'base64url'));
    const pending = opened === undefined ? undefined : parseJson(opened, pendingText);
    return pending !== undefined && this.#options.clock.wall() < pending.untilMs ? pending : undefined;
  }

  async #findSealer(): Promise<Sealer | undefined> {
    const key = await this.#options.keys.find(keyName, keyMs);
    return key === undefined ? undefined : new KeyRing(createSealingKey(Buffer.from(key, 'base64url')));
  }

  /** Of many that begin at once one makes it: another one's would shut out whoever was sealed by it. */
  #sealerForAll(): Promise<Sealer> {
    this.#making ??= this.#makeSealer().finally(() => {
      this.#making = undefined;
    });
    return this.#making;
  }

  async #makeSealer(): Promise<Sealer> {
    await this.#options.keys.keep(keyName, randomBytes(keyBytes).toString('base64url'), keyMs);
    const kept = await this.#findSealer();
    // Another gateway may have made one in the same moment: the later one is everybody's.
    if (kept === undefined)
      throw fail('dependency_unavailable', 'what signing in is sealed by could not be kept; try again');
    return kept;
  }
}

const pendingText = z.object({
  state: z.string(),
  nonce: z.string(),
  pkceVerifier: z.string(),
  untilMs: z.number(),
});

function opens(sealer: Sealer, sealed: Uint8Array): string | undefined {
  try {
    return Buffer.from(sealer.open(sealed, about)).toString();
  } catch (thrown) {
    if (thrown instanceof SealError) return undefined;
    throw thrown;
  }
}
