/** Requests that never became one: Node's parser refused them, or their headers never ended. */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Incoming } from '../core/exchange.ts';
import { type Failure, fail } from '../core/failure.ts';
import type { Reply } from '../core/stage.ts';
import { isLoopbackPeer, plainAddress } from './peer-address.ts';
import { parseRequestTarget } from './request-target.ts';

export type ParserError = Error & { readonly code?: string; readonly rawPacket?: Buffer };

export interface HeadLimits {
  readonly headerBytesMax: number;
  readonly headersMs: number;
}

/** What is left of such a request. It takes the chain's way to its refusal, like every other. */
export class MalformedRequest implements Incoming {
  readonly method = 'GET';
  readonly path: string;
  readonly query = undefined;
  readonly targetBytes = 0;
  readonly pathKey = undefined;
  readonly headers = {};
  readonly remoteAddress: string;
  readonly onLoopback: boolean;
  readonly fault: Failure;

  constructor(error: ParserError, socket: Socket, limits: HeadLimits) {
    this.fault = faultOf(error, limits);
    this.path = pathOf(error.rawPacket);
    this.remoteAddress = plainAddress(socket.remoteAddress);
    this.onLoopback = isLoopbackPeer(this.remoteAddress);
  }

  readBody(): Promise<Uint8Array> {
    return Promise.reject(this.fault);
  }

  streamBody(): AsyncIterable<Uint8Array> {
    throw this.fault;
  }
}

/** There is no response object for what was no request. */
export function writeRefusal(socket: Socket, reply: Reply, id: string): void {
  if (!(reply.body instanceof Uint8Array))
    throw new TypeError('a malformed request was answered with a stream');
  if (!socket.writable) return;
  const { status, headers, body } = reply;
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, 'connection: close'];
  const all = [...headers, 'x-request-id', id, 'x-millrace-id', id, 'content-length', String(body.length)];
  for (let at = 0; at < all.length; at += 2) lines.push(`${all[at]}: ${all[at + 1]}`);
  socket.end(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body]));
}

function faultOf(error: ParserError, limits: HeadLimits): Failure {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return fail(
        'headers_too_large',
        `request line and headers are larger than ${limits.headerBytesMax} bytes`,
      );
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return fail('request_timeout', `the headers were not complete after ${limits.headersMs} ms`);
    default:
      return fail('invalid_request', 'this is not a well-formed HTTP/1.1 request', { cause: error });
  }
}

/** Only to answer in the caller's dialect: what cannot be parsed is not trusted further than that. */
function pathOf(packet: Buffer | undefined): string {
  const line = packet?.toString('latin1', 0, 1024) ?? '';
  const target = /^[A-Z]+ (\/[^ \r\n]*)/.exec(line)?.[1];
  return target === undefined ? '' : parseRequestTarget(target).path;
}
