// Where a load goes: the socket's address and the bytes of a request.
import { connect, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';

export type RequestBody = string | Uint8Array;

export interface DestinationOptions {
  /** `http://` or `https://`, with the path to post to. */
  readonly url: string;
  readonly method?: string;
  /** Beside host, length and content type, which are set here unless given. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Over https: how the server is recognised, where not by its name and a known authority. */
  readonly trust?: Pick<ConnectionOptions, 'ca' | 'allowPartialTrustChain' | 'checkServerIdentity'>;
}

export interface Destination {
  /** The bytes are only good until `onBytes` returns. */
  open(onBytes: (bytes: Buffer) => void): Socket;
  request(body: RequestBody | undefined): Buffer;
}

/** CR or LF in a header would let one request smuggle another. */
const headerBreak = /[\r\n]/;
/** Every plain socket reads into the same memory, one after another, which spares an allocation a read. */
const readMemory = Buffer.allocUnsafe(65_536);

export function createDestination(options: DestinationOptions): Destination {
  const url = new URL(options.url);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new RangeError(`a load goes over http or https, not ${url.protocol}`);
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  const head = headOf(url, options);
  return {
    open: (onBytes) =>
      url.protocol === 'https:'
        ? openTls({ host, port, ...options.trust }, onBytes)
        : openTcp({ host, port }, onBytes),
    request: (body) => requestBytes(head, body),
  };
}

interface Address {
  readonly host: string;
  readonly port: number;
}

function openTcp(address: Address, onBytes: (bytes: Buffer) => void): Socket {
  const callback = (count: number) => {
    onBytes(readMemory.subarray(0, count));
    return true;
  };
  return connect({ ...address, noDelay: true, onread: { buffer: readMemory, callback } });
}

function openTls(address: Address & ConnectionOptions, onBytes: (bytes: Buffer) => void): Socket {
  // A name is needed to be shown the right certificate; an address must not be sent as one.
  const socket = connectTls(isIP(address.host) === 0 ? { ...address, servername: address.host } : address);
  return socket.setNoDelay(true).on('data', onBytes);
}

function headOf(url: URL, options: DestinationOptions): string {
  const method = options.method ?? 'POST';
  const headers: Record<string, string> = { host: url.host, 'content-type': 'application/json' };
  for (const [name, value] of Object.entries(options.headers ?? {})) headers[name.toLowerCase()] = value;
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  if (headerBreak.test(`${method}${lines.join('')}`)) throw new RangeError('a header must be one line');
  return `${method} ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join('\r\n')}\r\n`;
}

function requestBytes(head: string, body: RequestBody | undefined): Buffer {
  if (body === undefined) return Buffer.from(`${head}\r\n`);
  const bytes = Buffer.from(body);
  return Buffer.concat([Buffer.from(`${head}content-length: ${bytes.length}\r\n\r\n`), bytes]);
}
