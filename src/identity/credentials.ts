/** The kinds of credential that open the gateway, as one. */
import type { KeyStore } from '../core/ports.ts';
import { isSignedToken } from './token-verifier.ts';

export interface CredentialKinds {
  readonly keys?: KeyStore | undefined;
  /** Tokens that can be checked here. */
  readonly signed?: KeyStore | undefined;
  /** Tokens that only their issuer can read. */
  readonly opaque?: KeyStore | undefined;
}

export function createCredentials({ keys, signed, opaque }: CredentialKinds): KeyStore {
  if (signed === undefined && opaque === undefined && keys !== undefined) return keys;
  const askIssuer = (credential: string) =>
    // A key of ours that is wrong or over is nobody else's business.
    credential.startsWith(ownPrefix) ? undefined : opaque?.find(credential);
  return {
    find: (credential) => {
      if (signed !== undefined && isSignedToken(credential)) return signed.find(credential);
      const found = keys?.find(credential);
      if (found === undefined) return askIssuer(credential);
      return found instanceof Promise ? found.then((known) => known ?? askIssuer(credential)) : found;
    },
  };
}

/** Those of the configuration first: they open whatever becomes of the store. */
export function eitherKey(configured: KeyStore, stored: KeyStore): KeyStore {
  return { find: (credential) => configured.find(credential) ?? stored.find(credential) };
}

const ownPrefix = 'sk-mr-';
