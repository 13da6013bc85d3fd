/**
 * Closes connections that have had nothing to do since a burst. undici keeps every connection it ever opened until its
 * keep-alive runs out; a server with few workers counts each of them.
 */
import type { Socket } from 'node:net';
import type { buildConnector, Client } from 'undici';
import { LiveClient } from './live-client.ts';

/** A burst's connections are looked at once it has settled, not while it comes and goes. */
const settleMs = 1_000;

interface Connection {
  readonly client: Client;
  socket: Socket | undefined;
}

export class IdleBound {
  readonly #idleMax: number;
  readonly #connections = new Set<Connection>();
  #inFlight = 0;
  /** The most that were in flight since connections were last counted. */
  #peak = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(idleMax: number) {
    this.#idleMax = idleMax;
  }

  /** Makes the pool's clients, keeping an eye on the socket of each. */
  readonly factory = (origin: URL, options: object): Client => {
    const { connect, ...rest } = options as Client.Options & { connect: buildConnector.connector };
    const watched: buildConnector.connector = (where, callback) =>
      connect(where, (...result) => {
        connection.socket = result[1] ?? undefined;
        callback(...result);
      });
    const connection: Connection = {
      client: new LiveClient(origin, { ...rest, connect: watched }),
      socket: undefined,
    };
    this.#connections.add(connection);
    // The pool makes another client after a failure, and never comes back to this one.
    connection.client.once('connectionError', () => this.#connections.delete(connection));
    return connection.client;
  };

  begun(): void {
    this.#inFlight += 1;
    if (this.#inFlight > this.#peak) this.#peak = this.#inFlight;
  }

  ended(): void {
    this.#inFlight -= 1;
    if (this.#timer !== undefined || this.#peak - this.#inFlight <= this.#idleMax) return;
    this.#timer = setTimeout(() => this.#closeSurplus(), settleMs);
    this.#timer.unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** A closed socket is nothing new to a client: it connects again when it is needed. */
  #closeSurplus(): void {
    this.#timer = undefined;
    this.#peak = this.#inFlight;
    const isIdle = ({ client }: Connection) => client.stats.connected && client.stats.size === 0;
    const idle = [...this.#connections].filter(isIdle);
    for (const { socket } of idle.slice(this.#idleMax)) socket?.destroy();
  }
}
