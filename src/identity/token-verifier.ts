/** Signed tokens of issuers that the configuration names (G4). What a token says of itself chooses nothing but its issuer. */
import { hash } from 'node:crypto';
import type { JWTPayload, JWTVerifyOptions } from 'jose';
import type { Principal } from '../core/exchange.ts';
import { Failure, fail } from '../core/failure.ts';
import type { KeyStore } from '../core/ports.ts';
import type { Clock } from '../lib/clock.ts';
import { PassingCache } from '../lib/passing-cache.ts';
import { type ClaimMeaning, principalOf } from './claims.ts';
import type { IssuerKeys } from './issuer-keys.ts';
import type { IssuerConfig } from './token-options.ts';

export interface TrustedIssuer {
  readonly config: IssuerConfig & Pick<ClaimMeaning, 'homeTenant'>;
  readonly keys: IssuerKeys;
}

const tokenCharsMax = 8 * 1024;
const tokensMax = 10_000;
const believedMs = 60_000;

/** By its shape alone: three parts, and a head that begins as JSON does. */
export function isSignedToken(credential: string): boolean {
  if (!credential.startsWith('eyJ')) return false;
  const second = credential.indexOf('.', credential.indexOf('.') + 1);
  return second > credential.indexOf('.') && !credential.includes('.', second + 1);
}

export class TokenVerifier implements KeyStore {
  readonly #issuers: ReadonlyMap<string, TrustedIssuer>;
  readonly #clock: Clock;
  readonly #verified: PassingCache<Principal>;

  constructor(issuers: readonly TrustedIssuer[], clock: Clock) {
    this.#issuers = new Map(issuers.map((each) => [each.config.issuer, each]));
    this.#clock = clock;
    this.#verified = new PassingCache(clock, tokensMax);
  }

  /** By the digest of the whole token: what two have in common makes them no more alike (G3). */
  find(token: string): Principal | Promise<Principal> {
    if (token.length > tokenCharsMax) throw refused(`the token is longer than ${tokenCharsMax} characters`);
    const digest = hash('sha256', token, 'base64');
    return this.#verified.get(digest) ?? this.#verify(token, digest);
  }

  async #verify(token: string, digest: string): Promise<Principal> {
    const { config, keys } = this.#issuerOf(token);
    const claims = await this.#check(token, config, keys);
    const principal = principalOf(claims as Parameters<typeof principalOf>[0], config);
    const atWallMs = (claims.exp ?? 0) * 1000 + config.clockToleranceMs;
    this.#verified.keep(digest, principal, { afterMs: believedMs, atWallMs });
    return principal;
  }

  #issuerOf(token: string): TrustedIssuer {
    const found = this.#issuers.get(issuerClaimOf(token));
    if (found === undefined) throw refused('the token’s issuer is not one of those that are trusted here');
    return found;
  }

  async #check(token: string, config: IssuerConfig, keys: IssuerKeys): Promise<JWTPayload> {
    const { jwtVerify } = await import('jose');
    const options: JWTVerifyOptions = {
      algorithms: [...config.algorithms],
      issuer: config.issuer,
      audience: [...config.audience],
      clockTolerance: config.clockToleranceMs / 1000,
      currentDate: new Date(this.#clock.wall()),
      requiredClaims: ['exp'],
    };
    try {
      const { payload, protectedHeader } = await jwtVerify(token, (...head) => keys.find(...head), options);
      if (!isAccessToken(protectedHeader.typ))
        throw refused('the token is of another kind than access tokens');
      return payload;
    } catch (thrown) {
      if (thrown instanceof Failure) throw thrown;
      throw refused(reasonOf(thrown), thrown);
    }
  }
}

/** Read before it is believed, to learn whose keys are to be asked: those of nobody else are tried. */
function issuerClaimOf(token: string): string {
  try {
    const [, payload = ''] = token.split('.', 2);
    const { iss } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { iss?: unknown };
    return typeof iss === 'string' ? iss : '';
  } catch (cause) {
    throw refused('the token cannot be read', cause);
  }
}

/** A token made for something else, such as a sign-out, is no access token although its issuer signed it. */
function isAccessToken(typ: string | undefined): boolean {
  return typ === undefined || /^(?:application\/)?(?:at\+)?jwt$/i.test(typ);
}

const reasons: Readonly<Record<string, string>> = {
  ERR_JWT_EXPIRED: 'the token has expired; get another from its issuer',
  ERR_JOSE_ALG_NOT_ALLOWED: 'the token is signed in a way that is not allowed for its issuer',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'the token’s signature is not its issuer’s',
  ERR_JWKS_NO_MATCHING_KEY: 'the token is signed with a key that its issuer does not have',
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: 'the token does not say with which of its issuer’s keys it is signed',
};

/** As `jose` names it. */
const claimReasons: Readonly<Record<string, string>> = {
  aud: 'the token is for another audience than this gateway',
  nbf: 'the token is not valid yet',
  exp: 'the token has no end (`exp`)',
};

function reasonOf(thrown: unknown): string {
  const { code, claim } = thrown as { code?: unknown; claim?: unknown };
  const known =
    reasons[String(code)] ??
    (code === 'ERR_JWT_CLAIM_VALIDATION_FAILED' ? claimReasons[String(claim)] : undefined);
  return known ?? 'the token cannot be verified';
}

function refused(message: string, cause?: unknown): Failure {
  return fail('invalid_api_key', message, { cause });
}
