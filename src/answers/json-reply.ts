/** An answer in JSON, as every listing gives it. */
import { warningHeader } from '../core/header-text.ts';
import { type Reply, wholeReply } from '../core/stage.ts';

const headers: readonly string[] = ['content-type', 'application/json; charset=utf-8'];

export function jsonReply(value: unknown, status = 200, warnings: readonly string[] = []): Promise<Reply> {
  const body = Buffer.from(JSON.stringify(value));
  return Promise.resolve(wholeReply(status, headers.concat(warningHeader(warnings)), body));
}

export function textReply(text: string, contentType = 'text/plain; charset=utf-8'): Promise<Reply> {
  return Promise.resolve(wholeReply(200, ['content-type', contentType], Buffer.from(text)));
}
