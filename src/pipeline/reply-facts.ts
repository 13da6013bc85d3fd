/** What every answer tells about itself, in its body and in its headers. */
import type { Bound, ReplyFacts } from '../core/exchange.ts';
import type { DispatchOptions } from './dispatch.ts';

export interface Replying {
  readonly exchange: Bound;
  readonly options: Pick<DispatchOptions, 'clock'>;
}

export function replyFacts(given: Replying): ReplyFacts {
  const { exchange, options } = given;
  const { trail, call } = exchange;
  return {
    id: trail.id,
    call,
    model: call.model === '' ? trail.model : call.model,
    wallMs: trail.wallMs,
    elapsedMs: () => options.clock.now() - trail.startedMs,
  };
}

export function replyHeaders(exchange: Bound, contentType: string): readonly string[] {
  const { trail } = exchange;
  const headers = [
    'content-type',
    contentType,
    'x-millrace-model',
    headerSafe(trail.model),
    'x-millrace-target',
    headerSafe(`${trail.upstream}/${trail.targetModel}`),
  ];
  if (trail.warnings.length > 0) headers.push('x-millrace-warning', headerSafe(trail.warnings.join('; ')));
  return headers;
}

/** A model's name may hold anything; a header may not. */
function headerSafe(text: string): string {
  return safe.test(text) ? text : encodeURIComponent(text);
}

const safe = /^[\x20-\x7e]*$/;
