/** Which credentials a configuration takes, and who says what they are. */
import type { Config } from '../config/schema.ts';
import type { KeyStore } from '../core/ports.ts';
import { createCredentials, eitherKey, type KnownKeys } from '../identity/credentials.ts';
import { Introspection } from '../identity/introspection.ts';
import { TokenVerifier, type TrustedIssuer } from '../identity/token-verifier.ts';
import type { Lasting } from './lasting.ts';

export function credentialsOf(lasting: Lasting, config: Config, keys: KnownKeys): KeyStore {
  const { auth, identity } = config;
  const { homeTenant } = identity;
  const atHome = ({ config: issuer, keys: its }: TrustedIssuer): TrustedIssuer => ({
    config: { ...issuer, homeTenant },
    keys: its,
  });
  const takesTokens = auth === 'jwt' || auth === 'both';
  const trusted = lasting.issuers.follow(takesTokens ? (identity.jwt?.issuers ?? []) : []).map(atHome);
  const introspection = takesTokens ? identity.introspection : undefined;
  const { clock } = lasting;
  return createCredentials({
    known: (place) => lasting.followed.keys.entry(place),
    keys: auth === 'jwt' ? undefined : eitherKey(keys, lasting.followed.keys),
    signed: trusted.length === 0 ? undefined : new TokenVerifier(trusted, clock),
    opaque:
      introspection === undefined
        ? undefined
        : new Introspection({ config: { ...introspection, homeTenant }, ask: lasting.issuers.ask, clock }),
  });
}
