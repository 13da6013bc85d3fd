/**
 * The keys of one issuer: fetched seldom whatever tokens come, and kept while the issuer is away (G4). They outlive reloads.
 */
import type { CryptoKey, FlattenedJWSInput, JWSHeaderParameters, LocalJWKSet } from 'jose';
import type { JsonObject } from '../core/call.ts';
import { fail } from '../core/failure.ts';
import { isObject } from '../core/json-object.ts';
import type { Clock } from '../lib/clock.ts';
import { type AskIssuer, askForObject } from './issuer-request.ts';

export interface IssuerKeysOptions {
  readonly issuer: string;
  /** Discovered where it is absent. */
  readonly jwksUrl: string | undefined;
  readonly ask: AskIssuer;
  readonly clock: Clock;
  /** Told when it begins and when it ends. */
  readonly onTrouble: (trouble: Error | undefined) => void;
}

/** However many unknown keys are named: between two fetches. */
const everyMs = 30_000;
/** From then on they are fetched again beside the requests. */
const freshMs = 600_000;
/** As long an issuer may be away. */
const keptMs = 86_400_000;
const keysMax = 100;

export class IssuerKeys {
  readonly #options: IssuerKeysOptions;
  #keys: LocalJWKSet | undefined;
  #fetchedMs = Number.NEGATIVE_INFINITY;
  #triedMs = Number.NEGATIVE_INFINITY;
  #trouble: Error | undefined;
  #fetching: Promise<void> | undefined;
  #jwksUrl: string | undefined;

  constructor(options: IssuerKeysOptions) {
    this.#options = options;
    this.#jwksUrl = options.jwksUrl;
  }

  /** Fetches them before anybody asks. Never rejects. */
  warm(): Promise<void> {
    return this.#refresh();
  }

  /**
   * The key that a token's head names. Throws what `jose` throws where there is none, and `dependency_unavailable` where
   * nobody can tell: without keys, and for an unknown one while the issuer is away, which may have made it since.
   */
  async find(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> {
    const known = this.#current();
    if (known !== undefined) {
      if (this.#options.clock.now() - this.#fetchedMs >= freshMs) void this.#refresh();
      const key = await keyIn(known, header, token);
      if (key !== undefined) return key;
    }
    await this.#refresh();
    const keys = this.#current();
    if (keys === undefined || (keys === known && this.#trouble !== undefined)) throw this.#unavailable();
    return await keys(header, token);
  }

  #current(): LocalJWKSet | undefined {
    return this.#options.clock.now() - this.#fetchedMs < keptMs ? this.#keys : undefined;
  }

  #unavailable() {
    const leftMs = this.#triedMs + everyMs - this.#options.clock.now();
    return fail(
      'dependency_unavailable',
      'who issued the token cannot be asked for its keys now; try again',
      {
        retryAfterS: Math.max(1, Math.ceil(leftMs / 1000)),
        cause: this.#trouble,
      },
    );
  }

  #refresh(): Promise<void> {
    if (this.#fetching !== undefined) return this.#fetching;
    const now = this.#options.clock.now();
    if (now - this.#triedMs < everyMs) return Promise.resolve();
    this.#triedMs = now;
    this.#fetching = this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #fetch(): Promise<void> {
    try {
      const { ask, jwksUrl } = this.#options;
      const trusted = jwksUrl !== undefined;
      this.#jwksUrl ??= await this.#discover();
      const set = await askForObject(ask, question(this.#jwksUrl, trusted || this.#isIssuers(this.#jwksUrl)));
      const { createLocalJWKSet } = await import('jose');
      this.#keys = createLocalJWKSet({ keys: publicKeys(set) });
      this.#fetchedMs = this.#options.clock.now();
      this.#tell(undefined);
    } catch (thrown) {
      // It may have moved.
      this.#jwksUrl = this.#options.jwksUrl;
      this.#tell(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
  }

  async #discover(): Promise<string> {
    const { ask, issuer } = this.#options;
    const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const told = await askForObject(ask, question(url, true));
    if (told['issuer'] !== issuer)
      throw new Error(`${url} says that the issuer is called otherwise; \`issuer\` must be so to the letter`);
    const found = told['jwks_uri'];
    const isUrl = typeof found === 'string' && URL.canParse(found);
    // Whoever is allowed to speak without TLS may name keys without it, and nobody else.
    const isSafe = isUrl && (new URL(found).protocol === 'https:' || issuer.startsWith('http:'));
    if (!isSafe) throw new Error(`${url} names no safe jwks_uri`);
    return found;
  }

  #isIssuers(url: string): boolean {
    return new URL(url).origin === new URL(this.#options.issuer).origin;
  }

  #tell(trouble: Error | undefined): void {
    const changed = (this.#trouble === undefined) !== (trouble === undefined);
    this.#trouble = trouble;
    if (changed) this.#options.onTrouble(trouble);
  }
}

async function keyIn(
  keys: LocalJWKSet,
  header: JWSHeaderParameters,
  token: FlattenedJWSInput,
): Promise<CryptoKey | undefined> {
  try {
    return await keys(header, token);
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_JWKS_NO_MATCHING_KEY')
      return undefined;
    throw thrown;
  }
}

function question(url: string, trusted: boolean) {
  return { url, trusted, method: 'GET', headers: { accept: 'application/json' } } as const;
}

/** Those that check signatures. A symmetric key in public is no key, and a private one is nobody's any more. */
function publicKeys({ keys }: JsonObject) {
  if (!Array.isArray(keys)) throw new Error('the issuer’s keys are not a list');
  return keys
    .filter(isObject)
    .filter(({ kty, d }) => typeof kty === 'string' && kty !== 'oct' && d === undefined)
    .slice(0, keysMax)
    .map((key) => ({ ...key, kty: String(key['kty']) }));
}
