// Idle clients: connections that have asked once and then just stay, which costs a gateway memory and nothing else.
import { createDestination, type DestinationOptions, type RequestBody } from './destination.ts';
import { LoadConnection, type LoadObserver } from './load-connection.ts';

export interface HoldOptions extends DestinationOptions {
  /** Sent once on each connection, so that the server has built everything that a served connection has. */
  readonly body?: RequestBody;
  readonly connections: number;
  /** How many may be on their way to being open at a time. */
  readonly openingMax?: number;
  /** How long all of it may take; what is not open by then counts as failed. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface HeldConnections {
  readonly opened: number;
  readonly failed: number;
  /** How many of the opened ones the server has closed since. */
  readonly lost: number;
  close(): void;
}

const openingMaxDefault = 128;
const timeoutMsDefault = 60_000;

/** Settles when every connection has been answered or has failed. */
export async function holdConnections(options: HoldOptions): Promise<HeldConnections> {
  return await new Promise((resolve) => new Holder(options, resolve).start());
}

class Holder implements LoadObserver, HeldConnections {
  opened = 0;
  failed = 0;
  lost = 0;

  readonly #options: HoldOptions;
  readonly #resolve: (held: HeldConnections) => void;
  readonly #request: Buffer;
  readonly #open: () => LoadConnection;
  readonly #all = new Set<LoadConnection>();
  readonly #abort = () => this.close();
  #timer: NodeJS.Timeout | undefined;
  #started = 0;
  #isClosed = false;

  constructor(options: HoldOptions, resolve: (held: HeldConnections) => void) {
    const destination = createDestination(options);
    this.#options = options;
    this.#resolve = resolve;
    this.#request = destination.request(options.body);
    this.#open = () => new LoadConnection({ destination, expect: 'whole', observer: this });
  }

  start(): void {
    const { signal, openingMax = openingMaxDefault, timeoutMs = timeoutMsDefault } = this.#options;
    if (signal?.aborted === true) {
      this.close();
      return;
    }
    signal?.addEventListener('abort', this.#abort, { once: true });
    this.#timer = setTimeout(() => this.#giveUp(), timeoutMs);
    for (let opening = 0; opening < openingMax; opening += 1) this.#next();
  }

  close(): void {
    this.#isClosed = true;
    this.#finish();
    this.#options.signal?.removeEventListener('abort', this.#abort);
    for (const connection of this.#all) connection.destroy();
    this.#all.clear();
  }

  sent(): void {}

  arrived(): void {}

  settled(connection: LoadConnection, failure: string | undefined): void {
    if (failure === undefined && connection.isUsable) {
      this.opened += 1;
    } else {
      this.failed += 1;
      this.#all.delete(connection);
      connection.destroy();
    }
    if (this.opened + this.failed >= this.#options.connections) this.#finish();
    else this.#next();
  }

  closed(connection: LoadConnection): void {
    // Only an answered one is still listed here; the others were taken out when they failed.
    if (!this.#isClosed && this.#all.delete(connection)) this.lost += 1;
  }

  #next(): void {
    if (this.#isClosed || this.#started >= this.#options.connections) return;
    this.#started += 1;
    const connection = this.#open();
    this.#all.add(connection);
    connection.send(this.#request, 0);
  }

  #giveUp(): void {
    this.#started = this.#options.connections;
    for (const connection of this.#all) if (connection.isBusy) connection.fail('timeout');
    this.failed = this.#options.connections - this.opened;
    this.#finish();
  }

  #finish(): void {
    clearTimeout(this.#timer);
    this.#resolve(this);
  }
}
