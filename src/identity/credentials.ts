/** The kinds of credential that open the gateway, as one. */
import type { Principal } from '../core/exchange.ts';
import type { KeyStore } from '../core/ports.ts';
import { assertStanding, type KnownEntry } from './standing.ts';
import type { StoredKeys } from './stored-keys.ts';
import { isSignedToken } from './token-verifier.ts';

export interface CredentialKinds {
  readonly keys?: KeyStore | undefined;
  /** Tokens that can be checked here. */
  readonly signed?: KeyStore | undefined;
  /** Tokens that only their issuer can read. */
  readonly opaque?: KeyStore | undefined;
  readonly known: KnownEntry;
}

/** Of which nobody else has to be asked. */
export interface KnownKeys {
  find(credential: string): Principal | undefined;
}

export function createCredentials({ keys, signed, opaque, known }: CredentialKinds): KeyStore {
  if (signed === undefined && opaque === undefined && keys !== undefined) return keys;
  const admit = (found: Principal | undefined) => {
    if (found !== undefined) assertStanding(found, known);
    return found;
  };
  const findToken = (tokens: KeyStore, token: string) => {
    const found = tokens.find(token);
    return found instanceof Promise ? found.then(admit) : admit(found);
  };
  const askIssuer = (credential: string) =>
    // A key of ours that is wrong or over is nobody else's business.
    opaque === undefined || credential.startsWith(ownPrefix) ? undefined : findToken(opaque, credential);
  return {
    find: (credential) => {
      if (signed !== undefined && isSignedToken(credential)) return findToken(signed, credential);
      const found = keys?.find(credential);
      if (found === undefined) return askIssuer(credential);
      return found instanceof Promise ? found.then((own) => own ?? askIssuer(credential)) : found;
    },
  };
}

/**
 * Those of the configuration first: they open whatever becomes of the store, unless it is known that their tenant, team or
 * user is switched off. A key of the store that was found before is none of those, and need not be hashed again to see it.
 */
export function eitherKey(configured: KnownKeys, stored: StoredKeys): KeyStore {
  const known: KnownEntry = (place) => stored.entry(place);
  /** Looked at once for each change of the directory: names put together cost more than all else here. */
  let standing = new WeakSet<Principal>();
  let changes = stored.changes;
  const assertStands = (principal: Principal) => {
    if (changes !== stored.changes) {
      standing = new WeakSet();
      changes = stored.changes;
    }
    if (standing.has(principal)) return;
    assertStanding(principal, known);
    standing.add(principal);
  };
  return {
    find: (credential) => {
      const again = stored.findAgain(credential);
      if (again !== undefined) return again;
      const fixed = configured.find(credential);
      if (fixed === undefined) return stored.find(credential);
      assertStands(fixed);
      return fixed;
    },
  };
}

const ownPrefix = 'sk-mr-';
