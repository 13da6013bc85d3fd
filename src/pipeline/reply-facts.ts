/** What every answer tells about itself, in its body and in its headers. */
import type { Parsed, ReplyFacts } from '../core/exchange.ts';
import { headerText, warningHeader } from '../core/header-text.ts';
import type { Trail } from '../core/trail.ts';
import type { DispatchOptions } from './dispatch.ts';

export interface Replying {
  readonly exchange: Parsed;
  readonly options: Pick<DispatchOptions, 'clock'>;
}

export function replyFacts({ exchange, options }: Replying): ReplyFacts {
  const { trail, call } = exchange;
  return {
    id: trail.id,
    call,
    model: call.model === '' ? trail.model : call.model,
    wallMs: trail.wallMs,
    elapsedMs: () => options.clock.now() - trail.startedMs,
  };
}

export function replyHeaders(exchange: Parsed, contentType: string): readonly string[] {
  const { trail } = exchange;
  const headers = [
    'content-type',
    contentType,
    'x-millrace-model',
    headerText(trail.model),
    'x-millrace-target',
    headerText(`${trail.upstream}/${trail.targetModel}`),
  ];
  if (trail.queuedMs > 0) headers.push(...queueHeader(trail));
  if (trail.warnings.length > 0) headers.push(...warningHeader(trail.warnings));
  return headers;
}

const nothing: readonly string[] = [];

/** How the call stood in the queue is true of whoever had it made, and of that time alone. */
const ofThatCall: ReadonlySet<string> = new Set([
  'x-millrace-queue-ms',
  'x-millrace-queue-position',
  'x-millrace-queue-expected-ms',
]);

/** Behind `own`, the headers of an answer that somebody else is given, or that is given again. */
export function headersAgain(
  headers: readonly string[],
  own: readonly string[] = nothing,
): readonly string[] {
  const again = [...own];
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] ?? '';
    if (!ofThatCall.has(name)) again.push(name, headers[at + 1] ?? '');
  }
  return again;
}

/** How long it waited for a slot, for whoever did. */
export function queueHeader({ queuedMs }: Trail): readonly string[] {
  return queuedMs === 0 ? nothing : ['x-millrace-queue-ms', String(Math.round(queuedMs))];
}
