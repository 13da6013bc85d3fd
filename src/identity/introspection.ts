/** Tokens that only their issuer can read (RFC 7662): asked about once, believed for a while. */
import { hash } from 'node:crypto';
import type { JsonObject } from '../core/call.ts';
import type { Principal } from '../core/exchange.ts';
import { asFailure, Failure, fail } from '../core/failure.ts';
import type { KeyStore } from '../core/ports.ts';
import type { Clock } from '../lib/clock.ts';
import { PassingCache } from '../lib/passing-cache.ts';
import { type ClaimMeaning, principalOf } from './claims.ts';
import { type AskIssuer, askForObject } from './issuer-request.ts';
import type { IntrospectionConfig } from './token-options.ts';
import { TurnQueue } from './turn-queue.ts';

const tokenCharsMax = 8 * 1024;
const tokensMax = 10_000;
/** What is none stays none; only for so long, so that a flood of one wrong token asks seldom. */
const unknownMs = 10_000;
const atOnceMax = 10;
const waitingMax = 500;
const waitMaxMs = 5_000;

export interface IntrospectionOptions {
  readonly config: IntrospectionConfig & Pick<ClaimMeaning, 'homeTenant'>;
  readonly ask: AskIssuer;
  readonly clock: Clock;
}

export class Introspection implements KeyStore {
  readonly #options: IntrospectionOptions;
  readonly #headers: Readonly<Record<string, string>>;
  /** Those too whose holder may do nothing here. */
  readonly #known: PassingCache<Principal | Failure>;
  /** On its own, so that wrong tokens push no right one out. */
  readonly #unknown: PassingCache<true>;
  readonly #asked = new Map<string, Promise<Principal | undefined>>();
  readonly #turns: TurnQueue;

  constructor(options: IntrospectionOptions) {
    this.#options = options;
    this.#known = new PassingCache(options.clock, tokensMax);
    this.#unknown = new PassingCache(options.clock, tokensMax);
    this.#turns = new TurnQueue({ clock: options.clock, atOnceMax, waitingMax, waitMaxMs });
    const { clientId, clientSecret } = options.config;
    this.#headers = {
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${Buffer.from(`${formText(clientId)}:${formText(clientSecret.reveal())}`).toString('base64')}`,
    };
  }

  find(token: string): Principal | undefined | Promise<Principal | undefined> {
    if (token.length > tokenCharsMax) return undefined;
    const digest = hash('sha256', token, 'base64');
    const known = this.#known.get(digest);
    if (known instanceof Failure) throw known;
    if (known !== undefined) return known;
    if (this.#unknown.get(digest) === true) return undefined;
    return this.#asked.get(digest) ?? this.#begin(token, digest);
  }

  /** Of any number that come with one token at once, one asks. */
  #begin(token: string, digest: string): Promise<Principal | undefined> {
    const asked = this.#turns.run(() => this.#ask(token, digest)).finally(() => this.#asked.delete(digest));
    this.#asked.set(digest, asked);
    return asked;
  }

  async #ask(token: string, digest: string): Promise<Principal | undefined> {
    const { config } = this.#options;
    const claims = await this.#claimsOf(token);
    const { exp, nbf } = claims;
    const nowS = this.#options.clock.wall() / 1000;
    const isNow = (typeof exp !== 'number' || exp > nowS) && (typeof nbf !== 'number' || nbf <= nowS);
    if (claims['active'] !== true || !isNow || !isFor(claims, config.audience)) {
      this.#unknown.keep(digest, true, { afterMs: unknownMs });
      return undefined;
    }
    const judged = judge(claims, config);
    const ends = typeof exp === 'number' ? { atWallMs: exp * 1000 } : {};
    this.#known.keep(digest, judged, { afterMs: config.cacheMs, ...ends });
    if (judged instanceof Failure) throw judged;
    return judged;
  }

  async #claimsOf(token: string): Promise<JsonObject> {
    const { config, ask } = this.#options;
    const body = new URLSearchParams({ token, token_type_hint: 'access_token' }).toString();
    try {
      return await askForObject(ask, {
        url: config.url,
        trusted: true,
        method: 'POST',
        headers: this.#headers,
        body,
      });
    } catch (cause) {
      throw fail(
        'dependency_unavailable',
        'whoever issued the token cannot be asked about it now; try again',
        {
          retryAfterS: 1,
          cause,
        },
      );
    }
  }
}

function judge(claims: JsonObject, config: IntrospectionConfig): Principal | Failure {
  try {
    return principalOf(claims, config);
  } catch (refusal) {
    return asFailure(refusal);
  }
}

function isFor({ aud }: JsonObject, audience: readonly string[] | undefined): boolean {
  if (audience === undefined) return true;
  const said = typeof aud === 'string' ? [aud] : Array.isArray(aud) ? aud : [];
  return said.some((each) => typeof each === 'string' && audience.includes(each));
}

/** As forms write it: RFC 6749, 2.3.1 asks for it before the two are put together. */
function formText(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}
