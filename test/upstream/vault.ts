/**
 * A server that answers as Vault's documentation of its HTTP API says: the key-value engine version 2, AppRole and
 * Kubernetes logins, tokens with leases that are renewed up to a longest time, namespaces, and being sealed.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../../src/lib/clock.ts';

export interface VaultOptions {
  readonly clock: Clock;
  /** The lease of a token that was logged in for. */
  readonly leaseS?: number;
  /** However often it is renewed. */
  readonly longestS?: number;
  readonly namespace?: string;
  readonly tls?: { readonly cert: string; readonly key: string };
}

interface Token {
  endsMs: number;
  readonly longestMs: number;
  readonly leaseS: number;
}

export interface FakeVault {
  readonly url: string;
  /** Of an AppRole that may log in. */
  readonly roleId: string;
  readonly secretId: string;
  /** What a service account must show. */
  readonly jwt: string;
  readonly root: string;
  /** `METHOD path`, in order. */
  readonly asked: readonly string[];
  put(path: string, data: Readonly<Record<string, unknown>>): void;
  remove(path: string): void;
  /** A token for someone who was given one. */
  createToken(leaseS: number, longestS: number): string;
  /** Ends every token at once, as after a restore. */
  revokeAll(): void;
  seal(sealed: boolean): void;
  /** Answers nobody, for as long as it is told to. */
  hang(hangs: boolean): void;
  close(): Promise<void>;
}

class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export async function openFakeVault(options: VaultOptions): Promise<FakeVault> {
  const { clock, leaseS = 3600, longestS = 86_400, namespace, tls } = options;
  const secrets = new Map<string, Readonly<Record<string, unknown>>>();
  const tokens = new Map<string, Token>();
  const asked: string[] = [];
  const [roleId, secretId, jwt, root] = ['role', 'secret', 'jwt', 'hvs.root'].map(
    (kind) => `${kind}-${randomBytes(12).toString('hex')}`,
  ) as [string, string, string, string];
  let sealed = false;
  let hangs = false;

  const createToken = (lease: number, longest: number): string => {
    const text = `hvs.${randomBytes(12).toString('hex')}`;
    const nowMs = clock.now();
    tokens.set(text, { endsMs: nowMs + lease * 1000, longestMs: nowMs + longest * 1000, leaseS: lease });
    return text;
  };
  const authOf = (text: string) => {
    const token = tokens.get(text);
    if (token === undefined) throw new Refused(403, 'permission denied');
    const lease_duration = Math.floor((token.endsMs - clock.now()) / 1000);
    return { auth: { client_token: text, lease_duration, renewable: token.longestMs > token.endsMs } };
  };
  const login = (right: boolean) => {
    if (!right) throw new Refused(400, 'invalid role or secret ID');
    return authOf(createToken(leaseS, longestS));
  };
  const holder = (request: IncomingMessage): string => {
    const text = String(request.headers['x-vault-token'] ?? '');
    const token = tokens.get(text);
    if (text === root || (token !== undefined && token.endsMs > clock.now())) return text;
    throw new Refused(403, 'permission denied');
  };
  const answers: Readonly<
    Record<string, (request: IncomingMessage, body: Record<string, unknown>) => object>
  > = {
    'POST auth/approle/login': (_request, body) =>
      login(body['role_id'] === roleId && body['secret_id'] === secretId),
    'POST auth/kubernetes/login': (_request, body) =>
      login(body['role'] === 'gateway' && body['jwt'] === jwt),
    'GET auth/token/lookup-self': (request) => {
      const token = tokens.get(holder(request));
      if (token === undefined) return { data: { ttl: 0, renewable: false } };
      return { data: { ttl: Math.floor((token.endsMs - clock.now()) / 1000), renewable: true } };
    },
    'POST auth/token/renew-self': (request) => {
      const text = holder(request);
      const token = tokens.get(text);
      if (token !== undefined) token.endsMs = Math.min(clock.now() + token.leaseS * 1000, token.longestMs);
      return authOf(text);
    },
  };
  const read = (request: IncomingMessage, path: string) => {
    holder(request);
    const data = secrets.get(path);
    if (data === undefined) throw new Refused(404, '');
    const version = createHash('sha256').update(JSON.stringify(data)).digest().readUInt8(0);
    return { data: { data, metadata: { version, deletion_time: '', destroyed: false } } };
  };

  const resultOf = (request: IncomingMessage, path: string, text: string): object => {
    if (sealed) throw new Refused(503, 'Vault is sealed');
    if (namespace !== undefined && request.headers['x-vault-namespace'] !== namespace)
      throw new Refused(404, 'no handler for route');
    const known = answers[`${request.method} ${path}`];
    if (known !== undefined) return known(request, text === '' ? {} : JSON.parse(text));
    const stored = /^secret\/data\/(.+)$/.exec(path)?.[1];
    if (stored === undefined) throw new Refused(404, 'no handler for route');
    return read(request, decodeURIComponent(stored));
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (request.url ?? '').replace(/^\/v1\//, '');
    asked.push(`${request.method} ${path}`);
    const text = await textOf(request);
    if (hangs) return;
    try {
      response.end(JSON.stringify(resultOf(request, path, text)));
    } catch (thrown) {
      if (!(thrown instanceof Refused)) throw thrown;
      response.statusCode = thrown.status;
      response.end(JSON.stringify({ errors: thrown.message === '' ? [] : [thrown.message] }));
    }
  };
  const handle = (request: IncomingMessage, response: ServerResponse) => void answer(request, response);
  const server = tls === undefined ? createServer(handle) : createTlsServer(tls, handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    roleId,
    secretId,
    jwt,
    root,
    asked,
    put: (path, data) => void secrets.set(path, data),
    remove: (path) => void secrets.delete(path),
    createToken,
    revokeAll: () => tokens.clear(),
    seal: (now) => {
      sealed = now;
    },
    hang: (now) => {
      hangs = now;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
