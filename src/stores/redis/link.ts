/** One connection to Redis, from opening to its end. It never reconnects: whoever holds it opens another. */
import type { createClient } from '@redis/client';
import type { Clock } from '../../lib/clock.ts';
import type { Secret } from '../../lib/secret.ts';
import { withinDeadline } from './deadline.ts';

export type CreateClient = typeof createClient;

export interface LinkOptions {
  readonly createClient: CreateClient;
  readonly url: Secret;
  readonly clock: Clock;
  /** From the first byte on the wire to the last answer of the greeting. */
  readonly connectMs: number;
  /** Once, when a connection that stood is gone. */
  readonly onLost: (cause: unknown) => void;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #client: ReturnType<CreateClient>;
  #stands = false;
  lost = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#client = options.createClient({
      url: options.url.reveal(),
      name: 'millrace',
      disableOfflineQueue: true,
      disableClientInfo: true,
      maintNotifications: 'disabled',
      // The client's own time-out ends when a command is written, which is before anything can take long.
      commandOptions: { timeout: 0 },
      socket: { connectTimeout: options.connectMs, reconnectStrategy: false },
    });
    this.#client.on('error', (cause) => this.#end(cause));
  }

  async connect(): Promise<void> {
    const { clock, connectMs } = this.#options;
    const connected = this.#client.connect();
    try {
      await withinDeadline(connected, clock, connectMs);
      this.#stands = true;
    } catch (thrown) {
      this.destroy();
      // One that stands after all, when nobody waits for it any more, would stay open for ever.
      connected.then(
        () => this.destroy(),
        () => {},
      );
      throw thrown;
    }
  }

  send(args: readonly string[]): Promise<unknown> {
    return this.#client.sendCommand([...args]);
  }

  subscribe(channel: string, listener: (message: string) => void): Promise<void> {
    return this.#client.subscribe(channel, listener);
  }

  unsubscribe(channel: string): Promise<void> {
    return this.#client.unsubscribe(channel);
  }

  /** Whatever still waits is refused at once. */
  destroy(): void {
    this.#stands = false;
    this.#client.destroy();
  }

  #end(cause: unknown): void {
    this.lost = true;
    if (!this.#stands) return;
    this.#stands = false;
    this.#options.onLost(cause);
  }
}
