/** The one place where failures become replies. */
import type { Dialect } from '../core/call.ts';
import type { Received, Voice } from '../core/exchange.ts';
import { asFailure } from '../core/failure.ts';
import { type Reply, type Stage, wholeReply } from '../core/stage.ts';
import { queueHeader } from './reply-facts.ts';

export interface RescueOptions {
  readonly voices: Readonly<Record<Dialect, Voice>>;
}

export function rescue(options: RescueOptions): Stage<Received> {
  return (next) => (exchange) => next(exchange).catch((thrown: unknown) => render(options, exchange, thrown));
}

function render(options: RescueOptions, exchange: Received, thrown: unknown): Reply {
  const { trail } = exchange;
  const failure = asFailure(thrown);
  trail.failure = failure;
  const rendered = options.voices[trail.dialect].renderFailure(failure, trail.id);
  const headers = [...rendered.headers, ...queueHeader(trail)];
  return wholeReply(rendered.status, headers, Buffer.from(rendered.body));
}
