/** What is wrong with a request's head although Node's parser took it: refused before anything is looked up (C3, G12). */
import type { IncomingMessage } from 'node:http';
import { type Failure, fail } from '../core/failure.ts';

export const headerCountMax = 100;

export function headFault(request: IncomingMessage): Failure | undefined {
  if (request.rawHeaders.length > headerCountMax * 2) {
    return fail('headers_too_large', `the request has more than ${headerCountMax} headers`);
  }
  // An absolute address or `*` is for proxies; what it names as host could differ from the Host header.
  if (request.url?.charCodeAt(0) !== slash) {
    return fail('invalid_request', 'the request must name a path, beginning with /');
  }
  const { host } = request.headers;
  if (host === undefined) {
    return request.httpVersionMinor === 0 ? undefined : fail('invalid_request', 'the Host header is missing');
  }
  // Two of them arrive joined: whoever stands in front may have read the other one.
  return host.includes(',') ? fail('invalid_request', 'the Host header stands twice') : undefined;
}

const slash = 0x2f;
