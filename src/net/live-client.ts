/** A connection of the pool that is opened for nobody who has left. */
import type { Dispatcher } from 'undici';
import Client from 'undici/lib/dispatcher/client.js';

/** Who can leave before their request is on a connection. */
export interface Leaver {
  readonly left: boolean;
  /** Their request is out of the queue, and nothing more will come of it. */
  dropped(): void;
}

/**
 * While it is unknown whether a server speaks HTTP/2, undici lets one connection find out and all other requests wait
 * for it. When that handshake hangs, each of them would get a connection of its own to hang on, one after another,
 * long after its exchange is over, and every new request would wait behind them.
 */
export class LiveClient extends Client {
  override dispatch(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler & Partial<Leaver>,
  ): boolean {
    if (handler.left !== true) return super.dispatch(options, handler);
    handler.dropped?.();
    return true;
  }
}
