/** Requests that never become one: refused by Node's parser, or by what it would silently leave out. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

const refusals: Readonly<Record<string, { status: string; code: string; message: string }>> = {
  HPE_HEADER_OVERFLOW: {
    status: '431 Request Header Fields Too Large',
    code: 'headers_too_large',
    message: 'the request line and headers are larger than 16 KiB',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: '408 Request Timeout',
    code: 'request_timeout',
    message: 'the headers were not complete after 10 s',
  },
};

const malformed = {
  status: '400 Bad Request',
  code: 'invalid_request',
  message: 'this is not a well-formed HTTP/1.1 request',
};

/** What cannot be parsed cannot be in a dialect either: OpenAI's form is the one most clients read. */
export function refuseMalformed(error: Error & { code?: string }, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, code, message } = refusals[error.code ?? ''] ?? malformed;
  const body = JSON.stringify({ error: { message, type: 'invalid_request_error', param: null, code } });
  socket.end(
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

export function tooManyHeaders(
  request: IncomingMessage,
  countMax: number,
  response: ServerResponse,
): boolean {
  if (request.rawHeaders.length <= countMax * 2) return false;
  const message = `the request has more than ${countMax} headers`;
  response.shouldKeepAlive = false;
  response.writeHead(431, { 'content-type': 'application/json' });
  response.end(
    JSON.stringify({
      error: { message, type: 'invalid_request_error', param: null, code: 'headers_too_large' },
    }),
  );
  return true;
}
