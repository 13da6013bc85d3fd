/** A client's body as it comes, for what is too large to hold. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { BodyLimits } from '../core/exchange.ts';
import type { Failure } from '../core/failure.ts';
import type { Clock } from '../lib/clock.ts';
import { bodyTooLarge, bodyTooSlow, clientGone } from './body-collector.ts';

export interface BodyStreamOptions {
  readonly request: IncomingMessage;
  readonly clock: Clock;
  readonly limits: BodyLimits;
}

export async function* streamBody({ request, clock, limits }: BodyStreamOptions): AsyncGenerator<Uint8Array> {
  // Node takes the socket away from a request whose connection is gone.
  const socket: Socket | null = request.socket;
  if (socket === null || socket.destroyed) throw clientGone();
  let size = 0;
  let failure: Failure | undefined;
  let failWaiting: (failure: Failure) => void = () => {};
  const giveUp = (reason: Failure) => {
    failure = reason;
    failWaiting(reason);
  };
  // Once it has been answered, a request no longer hears that its connection is gone: only the socket does.
  const leave = () => giveUp(clientGone());
  socket.once('close', leave);
  const timer = clock.after(limits.bodyMs, () => giveUp(bodyTooSlow(limits)));
  // The request must outlive a refusal: destroying it would cut the connection that carries the answer.
  const pieces: AsyncIterator<Buffer, undefined> = request.iterator({ destroyOnReturn: false });
  const next = () =>
    new Promise<IteratorResult<Buffer, undefined>>((resolve, reject) => {
      failWaiting = reject;
      pieces.next().then(resolve, (cause) => reject(clientGone(cause)));
    });
  try {
    for (let piece = await next(); piece.done !== true; piece = await next()) {
      size += piece.value.length;
      if (size > limits.bodyBytesMax) throw bodyTooLarge(limits);
      yield piece.value;
      if (failure !== undefined) throw failure;
    }
  } finally {
    timer.cancel();
    socket.off('close', leave);
  }
}
