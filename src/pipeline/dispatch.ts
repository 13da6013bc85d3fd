/** Sends the call to its target and brings the answer back: the only stage that touches a transport. */
import type { Bound, Upstream } from '../core/exchange.ts';
import type { Handler } from '../core/stage.ts';
import type { Clock } from '../lib/clock.ts';
import { loadAsked } from '../protocol/ollama-load.ts';
import { boundedCall } from './bounded-call.ts';
import type { CallsUnderWay } from './calls-under-way.ts';
import { Delivery } from './delivery.ts';
import { loadReply } from './load-reply.ts';

export interface DispatchOptions {
  readonly clock: Clock;
  readonly underWay: CallsUnderWay;
  readonly health: {
    /** Whether an upstream is down for its silence: what waits for it there waits in vain. */
    isSilent(upstream: Upstream): boolean;
  };
  /** Resolves when what ends in this turn is written down: the last of a stream leaves then (G21). */
  readonly written: () => Promise<void>;
  /** A whole answer larger than this is refused (U14). */
  readonly answerBytesMax: number;
  /** One event of a stream larger than this is refused (U8). */
  readonly eventBytesMax: number;
}

export function dispatch(options: DispatchOptions): Handler<Bound> {
  return (exchange) =>
    new Promise((resolve, reject) => {
      const { target, call, trail } = exchange;
      const { adapter } = target.upstream;
      const loading = loadAsked(call);
      if (loading !== undefined && !adapter.loads) {
        resolve(loadReply({ exchange, options }, loading));
        return;
      }
      const streamed = call.stream || exchange.meter !== undefined;
      const bounded = exchange.meter === undefined ? call : boundedCall(exchange);
      const sent = streamed === call.stream ? bounded : { ...bounded, stream: true };
      const encoded = adapter.encode(sent, target.model);
      if (encoded.warnings !== undefined) trail.warn(encoded.warnings);
      new Delivery({ exchange, sent, encoded, streamed, options, resolve, reject }).begin();
    });
}
