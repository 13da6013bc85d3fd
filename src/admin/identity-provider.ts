/** Where people sign in, by `openid-client`: its questions go through our own bounds. */
import type { Configuration, CustomFetchOptions } from 'openid-client';
import type { JsonObject } from '../core/call.ts';
import type { AskIssuer } from '../identity/issuer-request.ts';
import type { OidcConfig } from '../identity/token-options.ts';

/** What must come back as it went out. Sealed in the browser's cookie meanwhile. */
export interface SignInSecrets {
  readonly state: string;
  readonly nonce: string;
  readonly pkceVerifier: string;
}

export class IdentityProvider {
  readonly config: OidcConfig;
  readonly #found: Configuration;

  private constructor(config: OidcConfig, found: Configuration) {
    this.config = config;
    this.#found = found;
  }

  /** Rejects when it cannot be asked who it is. */
  static async discover(config: OidcConfig, ask: AskIssuer): Promise<IdentityProvider> {
    const client = await import('openid-client');
    const { issuer, clientId, clientSecret } = config;
    const authentication =
      clientSecret === undefined ? client.None() : client.ClientSecretPost(clientSecret.reveal());
    const found = await client.discovery(new URL(issuer), clientId, undefined, authentication, {
      [client.customFetch]: fetchBy(ask, new URL(issuer).origin),
      execute: issuer.startsWith('http:') ? [client.allowInsecureRequests] : [],
    });
    return new IdentityProvider(config, found);
  }

  async begin(): Promise<{ readonly location: string; readonly secrets: SignInSecrets }> {
    const client = await import('openid-client');
    const secrets: SignInSecrets = {
      state: client.randomState(),
      nonce: client.randomNonce(),
      pkceVerifier: client.randomPKCECodeVerifier(),
    };
    const location = client.buildAuthorizationUrl(this.#found, {
      redirect_uri: this.config.redirectUrl,
      scope: this.config.scopes.join(' '),
      state: secrets.state,
      nonce: secrets.nonce,
      code_challenge: await client.calculatePKCECodeChallenge(secrets.pkceVerifier),
      code_challenge_method: 'S256',
    });
    return { location: location.href, secrets };
  }

  /** What the issuer says of whoever came back. Rejects where that is not proved. */
  async finish(query: URLSearchParams, secrets: SignInSecrets): Promise<JsonObject> {
    const client = await import('openid-client');
    const cameBackTo = new URL(this.config.redirectUrl);
    cameBackTo.search = query.toString();
    const tokens = await client.authorizationCodeGrant(this.#found, cameBackTo, {
      expectedState: secrets.state,
      expectedNonce: secrets.nonce,
      pkceCodeVerifier: secrets.pkceVerifier,
      idTokenExpected: true,
    });
    return (tokens.claims() ?? {}) as JsonObject;
  }
}

/** Nobody can tell now, and that is nobody's fault who signs in. Stands somewhere among the causes of what is thrown. */
export class ProviderAway extends Error {
  override readonly name = 'ProviderAway';
}

/** What the issuer names outside of its own origin may only be public. */
function fetchBy(ask: AskIssuer, origin: string) {
  return async (url: string, { method, headers, body }: CustomFetchOptions): Promise<Response> => {
    const answer = await ask({
      url,
      trusted: new URL(url).origin === origin,
      method: method === 'POST' ? 'POST' : 'GET',
      headers,
      ...(body === null || body === undefined ? {} : { body: String(body) }),
    }).catch((cause: unknown) => {
      throw new ProviderAway(cause instanceof Error ? cause.message : String(cause), { cause });
    });
    if (answer.status >= 500) throw new ProviderAway(`the issuer answered with ${answer.status}`);
    return new Response(Buffer.from(answer.body), { status: answer.status, headers: answer.headers });
  };
}
