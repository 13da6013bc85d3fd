/** An issuer of tokens that does whatever a test wants: it signs anything, counts who asks, and goes away. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';

export interface HandMadeIssuer {
  readonly url: string;
  /** The public half of its key, as it stands in the set. */
  readonly jwk: JWK;
  readonly privateKey: CryptoKey;
  /** How often its keys, and all in all, were asked for. */
  readonly asked: { keys: number; all: number };
  /** What it answers instead, while this is set. */
  answer: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  /** Its set of keys. */
  keys: JWK[];
  /** A token that is right, unless the changes say otherwise; `undefined` leaves a claim out. */
  sign(claims?: JWTPayload, head?: Readonly<Record<string, unknown>>): Promise<string>;
  close(): Promise<void>;
}

export interface HandMadeOptions {
  readonly wallMs?: () => number;
}

export const audience = 'millrace';
const lifeS = 600;

export async function openHandMadeIssuer({
  wallMs = Date.now,
}: HandMadeOptions = {}): Promise<HandMadeIssuer> {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: 'one', use: 'sig', alg: 'RS256' };
  const asked = { keys: 0, all: 0 };
  const server = createServer((request, response) => {
    asked.all += 1;
    if (request.url === '/jwks') asked.keys += 1;
    if (issuer.answer !== undefined) return issuer.answer(request, response);
    const found = pages()[request.url ?? ''];
    response.writeHead(found === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(found ?? {}));
  });
  const pages = (): Record<string, unknown> => ({
    '/.well-known/openid-configuration': { issuer: issuer.url, jwks_uri: `${issuer.url}/jwks` },
    '/jwks': { keys: issuer.keys },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer: HandMadeIssuer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    jwk,
    privateKey,
    asked,
    answer: undefined,
    keys: [jwk],
    sign: (claims = {}, head = {}) => {
      const nowS = Math.floor(wallMs() / 1000);
      const usual = {
        iss: issuer.url,
        aud: audience,
        sub: 'alice',
        roles: ['llm'],
        iat: nowS,
        exp: nowS + lifeS,
      };
      return new SignJWT({ ...usual, ...claims })
        .setProtectedHeader({ alg: 'RS256', kid: 'one', typ: 'at+jwt', ...head })
        .sign(privateKey);
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return issuer;
}

/** How a configuration says that it is believed. */
export function trusting(issuer: { readonly url: string }, changes: object = {}): Record<string, unknown> {
  const each = { name: 'corp', issuer: issuer.url, audience, roles: { llm: 'developer' }, ...changes };
  return { auth: 'both', identity: { jwt: { issuers: [each] } } };
}

/** Gone, as seen from here: whoever connects is cut off. */
export function cutOff(request: IncomingMessage): void {
  request.socket.destroy();
}
