/** One request on a connection of its own: bounded in time and size, followed nowhere. */
import type { Client, Dispatcher } from 'undici';
import { DialError } from './dial-error.ts';
import { type GuardedSocketOptions, openGuardedSocket } from './guarded-socket.ts';
import type { OutgoingUrl } from './outgoing-url.ts';

export interface OutgoingRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Of the answer. */
  readonly bodyBytesMax?: number;
  /** What happens to an answer that is larger: it is an error, or its beginning is enough. */
  readonly larger?: 'error' | 'cut';
}

export interface OutgoingAnswer {
  readonly status: number;
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

const headerBytesMax = 16 * 1024;
const bodyBytesMaxDefault = 64 * 1024;

export async function sendOutgoing(
  to: OutgoingUrl,
  request: OutgoingRequest,
  options: GuardedSocketOptions,
): Promise<OutgoingAnswer> {
  // Only who has somebody to tell or to ask, such as a webhook, needs the whole package.
  const { Client } = await import('undici');
  const client = new Client(to.url.origin, {
    connect: (_where, callback) => {
      openGuardedSocket(to, options).then(
        (socket) => callback(null, socket),
        (thrown: unknown) => callback(thrown instanceof Error ? thrown : new Error(String(thrown)), null),
      );
    },
    allowH2: false,
    pipelining: 1,
    maxHeaderSize: headerBytesMax,
    // The caller's clock is the only one.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  try {
    return await exchange(client, { to, request, signal: options.signal });
  } finally {
    // Whatever is left of the answer is of no use to anybody, and neither is the connection.
    void client.destroy().catch(() => {});
  }
}

interface Asked {
  readonly to: OutgoingUrl;
  readonly request: OutgoingRequest;
  readonly signal: AbortSignal;
}

async function exchange(client: Client, { to, request, signal }: Asked): Promise<OutgoingAnswer> {
  const answer = await client.request({
    path: to.url.pathname + to.url.search,
    method: request.method ?? 'GET',
    // Packed bodies are small on the way and large once here.
    headers: { 'accept-encoding': 'identity', ...request.headers },
    body: request.body ?? null,
    signal,
  });
  if (isRedirect(answer.statusCode)) {
    answer.body.on('error', () => {}).destroy();
    throw new DialError(`${to.host} sends elsewhere (status ${answer.statusCode}), which is not followed`, {
      reason: 'redirected',
    });
  }
  return {
    status: answer.statusCode,
    headers: Object.fromEntries(
      Object.entries(answer.headers).map(([name, value]) => [name, [value].flat().join(', ')]),
    ),
    body: await bodyOf(answer.body, to.host, request),
  };
}

/** 304 says that what was asked for is still the same. */
function isRedirect(status: number): boolean {
  return status >= 300 && status < 400 && status !== 304;
}

async function bodyOf(
  body: Dispatcher.ResponseData['body'],
  host: string,
  { bodyBytesMax = bodyBytesMaxDefault, larger = 'error' }: OutgoingRequest,
): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes <= bodyBytesMax) continue;
    if (larger === 'cut') break;
    throw new DialError(`the answer of ${host} is larger than ${bodyBytesMax} bytes`, {
      reason: 'too_large',
    });
  }
  return Buffer.concat(chunks).subarray(0, bodyBytesMax);
}
