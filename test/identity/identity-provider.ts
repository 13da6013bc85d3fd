/** A real identity provider on a loopback port: OAuth 2 and OpenID Connect as others speak them. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { type Configuration, Provider } from 'oidc-provider';
import { runSecret } from '../run-canary.ts';
import { audience } from './hand-made-issuer.ts';

export interface RunningProvider {
  readonly url: string;
  /** How many introspections it was asked for. */
  readonly introspected: () => number;
  /** While set it answers nothing but this status. */
  outage: number | undefined;
  /** A token of the client-credentials grant: signed for our audience, or one that only it can read. */
  token(kind: 'signed' | 'opaque'): Promise<string>;
  revoke(token: string): Promise<void>;
  close(): Promise<void>;
}

export interface ProviderOptions {
  readonly redirectUrls?: readonly string[];
  readonly roles?: readonly string[];
}

export const secretOf = {
  service: runSecret('service'),
  gateway: `${runSecret('gateway')}+/%`,
  console: runSecret('console'),
};

export async function openProvider(options: ProviderOptions = {}): Promise<RunningProvider> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), kid: 'provider', use: 'sig', alg: 'RS256' };
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const handle = new Provider(url, configurationOf(options, jwk)).callback();
  let introspected = 0;
  server.on('request', (request, response) => {
    if (request.url === '/token/introspection') introspected += 1;
    if (running.outage === undefined) void handle(request, response);
    else response.writeHead(running.outage).end();
  });
  const running: RunningProvider = {
    url,
    introspected: () => introspected,
    outage: undefined,
    token: async (kind) => {
      const resource: Record<string, string> = kind === 'signed' ? { resource: resourceUrl } : {};
      const told = await post(`${url}/token`, { grant_type: 'client_credentials', ...resource });
      return String(told['access_token']);
    },
    revoke: async (token) => void (await post(`${url}/token/revocation`, { token })),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return running;
}

const resourceUrl = 'https://llm.example';

function configurationOf({ redirectUrls = [], roles = ['llm'] }: ProviderOptions, jwk: JWK): Configuration {
  return {
    jwks: { keys: [jwk as never] },
    cookies: { keys: ['of the test'] },
    clients: [
      {
        client_id: 'service',
        client_secret: secretOf.service,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
      {
        client_id: 'gateway',
        client_secret: secretOf.gateway,
        grant_types: [],
        redirect_uris: [],
        response_types: [],
      },
      {
        client_id: 'console',
        client_secret: secretOf.console,
        redirect_uris: [...redirectUrls],
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    claims: { openid: ['sub', 'roles'] },
    conformIdTokenClaims: false,
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, roles: [...roles] }) }),
    extraTokenClaims: () => ({ roles: [...roles] }),
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true, allowedPolicy: () => true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: '',
          audience,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  };
}

async function post(url: string, fields: Readonly<Record<string, string>>): Promise<Record<string, unknown>> {
  const authorization = `Basic ${Buffer.from(`service:${secretOf.service}`).toString('base64')}`;
  const reply = await fetch(url, {
    method: 'POST',
    headers: { authorization },
    body: new URLSearchParams(fields),
  });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`${url} answered ${reply.status}: ${text}`);
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}
