/** A gateway that speaks TLS with a certificate of the test's own authority, and clients that look closely. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { filesHolding, openTestGateway, type TestGateway } from '../gateway.ts';
import { createAuthority, type Identity } from '../upstream/certificate.ts';

export const authority = createAuthority();

export interface CertificatePlace {
  readonly cert: string;
  readonly key: string;
  put(identity: Partial<Identity>): Promise<void>;
}

export async function openCertificatePlace(t: TestContext): Promise<CertificatePlace> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-tls-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const cert = join(folder, 'cert.pem');
  const key = join(folder, 'key.pem');
  return {
    cert,
    key,
    put: async (identity) => {
      if (identity.cert !== undefined) await writeFile(cert, identity.cert);
      if (identity.key !== undefined) await writeFile(key, identity.key, { mode: 0o600 });
    },
  };
}

export interface TlsGateway extends TestGateway {
  readonly certificate: CertificatePlace;
}

export interface TlsGatewayOptions {
  readonly config?: object;
  readonly listen?: object;
  readonly tls?: object;
  readonly identity?: Identity;
}

export async function openTlsGateway(t: TestContext, options: TlsGatewayOptions = {}): Promise<TlsGateway> {
  const certificate = await openCertificatePlace(t);
  const identity = options.identity ?? authority.issue('none');
  await certificate.put(identity);
  const { cert, key } = certificate;
  const gateway = await openTestGateway({
    config: { ...options.config, listen: { ...options.listen, tls: { cert, key, ...options.tls } } },
  });
  t.after(async () => {
    // Of the private number alone: before it stands the frame of all keys, behind it what the certificate tells too.
    const secret = identity.key.split('\n')[2]?.slice(0, 24) ?? '';
    assert.ok(
      secret.length === 24 && !gateway.lines.join('\n').includes(secret),
      'the log holds the key (G8)',
    );
    const holding = await filesHolding(gateway.data, (text) => text.includes(secret));
    await gateway.close();
    assert.deepEqual(holding, [], 'these hold the key (G8)');
  });
  return { ...gateway, certificate };
}

/** A connection whose handshake is done. */
export async function shake(port: number, options: object = {}): Promise<TLSSocket> {
  const socket = connect({
    port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: authority.cert,
    ...options,
  });
  await once(socket, 'secureConnect');
  return socket;
}

/** The certificate that a new connection is shown. */
export async function shown(port: number): Promise<string> {
  const socket = await shake(port, { rejectUnauthorized: false });
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

export interface Told {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

export async function ask(
  gateway: { readonly port: number; readonly key: string },
  asked: { readonly path: string; readonly body?: object; readonly agent?: Agent },
): Promise<Told> {
  const { path, body, agent = new Agent() } = asked;
  const sent = request({
    agent,
    port: gateway.port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: authority.cert,
    path,
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
  });
  sent.end(body === undefined ? undefined : JSON.stringify(body));
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: answer.statusCode ?? 0, headers: answer.headers, text: await textOf(answer) };
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of answer) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}
