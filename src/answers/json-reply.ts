/** An answer in JSON, as every listing gives it. */
import { type Reply, wholeReply } from '../core/stage.ts';

const headers: readonly string[] = ['content-type', 'application/json; charset=utf-8'];

export function jsonReply(value: unknown, status = 200, warnings: readonly string[] = []): Promise<Reply> {
  const body = Buffer.from(JSON.stringify(value));
  return Promise.resolve(wholeReply(status, headers.concat(warningHeader(warnings)), body));
}

export function textReply(text: string, contentType = 'text/plain; charset=utf-8'): Promise<Reply> {
  return Promise.resolve(wholeReply(200, ['content-type', contentType], Buffer.from(text)));
}

/** What the caller should know although the answer is good. */
export function warningHeader(warnings: readonly string[]): readonly string[] {
  if (warnings.length === 0) return [];
  const text = warnings.join('; ').slice(0, warningLengthMax);
  return ['x-millrace-warning', printable.test(text) ? text : encodeURIComponent(text.toWellFormed())];
}

const warningLengthMax = 2_048;
const printable = /^[\x20-\x7e]*$/;
