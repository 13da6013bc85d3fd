/** The token that Vault lets us in with: logged in for, renewed before it ends, and logged in for again. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Clock, Timer } from '../lib/clock.ts';
import type { VaultOptions } from './options.ts';
import { SecretTrouble } from './secret-source.ts';
import type { AskVault } from './vault-request.ts';

interface Token {
  readonly text: string;
  /** 0 for one that does not end, or of which nobody tells. */
  readonly leaseMs: number;
  readonly renewable: boolean;
}

const renewed = z.object({
  auth: z.object({
    client_token: z.string().min(1),
    lease_duration: z.number().min(0),
    renewable: z.boolean(),
  }),
});
const lookedUp = z.object({
  data: z.object({ ttl: z.number().min(0), renewable: z.boolean().default(false) }),
});

/** A third is left for trying again. */
const renewAfter = 2 / 3;
const retryMsMin = 1_000;

export class VaultToken {
  readonly #auth: VaultOptions['auth'];
  readonly #ask: AskVault;
  readonly #clock: Clock;
  #held: Promise<Token> | undefined;
  #timer: Timer | undefined;
  #closed = false;

  constructor(auth: VaultOptions['auth'], { ask, clock }: { ask: AskVault; clock: Clock }) {
    this.#auth = auth;
    this.#ask = ask;
    this.#clock = clock;
  }

  /** Many that need it at once log in once. */
  async text(): Promise<string> {
    this.#held ??= this.#begin();
    return (await this.#held).text;
  }

  /** It was refused: the next one is new. False where there is no other: it was given, and not logged in for. */
  drop(): boolean {
    if ('token' in this.#auth) return false;
    this.#timer?.cancel();
    this.#held = undefined;
    return true;
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #begin(): Promise<Token> {
    const held = this.#logIn().then((token) => {
      this.#renewLater(token, this.#clock.now() + token.leaseMs);
      return token;
    });
    held.catch(() => {
      if (this.#held === held) this.#held = undefined;
    });
    return held;
  }

  async #logIn(): Promise<Token> {
    const auth = this.#auth;
    if ('token' in auth) return await this.#lookUp(auth.token.reveal());
    if ('appRole' in auth) {
      const { mount, roleId, secretId } = auth.appRole;
      return await this.#post(`auth/${mount}/login`, {
        role_id: roleId.reveal(),
        secret_id: secretId.reveal(),
      });
    }
    const { mount, role, tokenFile } = auth.kubernetes;
    const jwt = await readFile(tokenFile, 'utf8').catch((cause: unknown) => {
      throw new SecretTrouble(`the service account's token cannot be read from ${tokenFile}`, {
        away: false,
        cause,
      });
    });
    return await this.#post(`auth/${mount}/login`, { role, jwt: jwt.trim() });
  }

  async #post(path: string, body: object, token?: string): Promise<Token> {
    const answer = await this.#ask({ method: 'POST', path, body, ...(token === undefined ? {} : { token }) });
    const { client_token, lease_duration, renewable } = renewed.parse(answer).auth;
    return { text: client_token, leaseMs: lease_duration * 1000, renewable };
  }

  /** A token that may not look itself up is used as it is. */
  async #lookUp(text: string): Promise<Token> {
    try {
      const answer = await this.#ask({ method: 'GET', path: 'auth/token/lookup-self', token: text });
      const { ttl, renewable } = lookedUp.parse(answer).data;
      return { text, leaseMs: ttl * 1000, renewable };
    } catch (thrown) {
      if (thrown instanceof SecretTrouble && !thrown.away) return { text, leaseMs: 0, renewable: false };
      throw thrown;
    }
  }

  #renewLater(token: Token, endsMs: number): void {
    if (this.#closed || token.leaseMs === 0) return;
    const leftMs = endsMs - this.#clock.now();
    // Nothing to renew any more: the next one who needs it logs in.
    if (!token.renewable || leftMs < retryMsMin) {
      this.#timer = this.#clock.after(Math.max(0, leftMs * renewAfter), () => this.drop());
      return;
    }
    this.#timer = this.#clock.after(leftMs * renewAfter, () => void this.#renew(token, endsMs));
  }

  async #renew(token: Token, endsMs: number): Promise<void> {
    try {
      const next = await this.#post('auth/token/renew-self', {}, token.text);
      if (this.#closed) return;
      this.#held = Promise.resolve(next);
      this.#renewLater(next, this.#clock.now() + next.leaseMs);
    } catch {
      // Vault may be away for a moment: again, in what is left of the lease. Whoever reads meanwhile hears of it.
      this.#renewLater(token, endsMs);
    }
  }
}
