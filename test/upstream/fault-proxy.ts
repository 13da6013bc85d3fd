// A TCP proxy that delays, throttles, silences and breaks the connections through it. It knows no HTTP.
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Line, type LineConditions } from './line.ts';

export interface FaultProxy {
  readonly url: string;
  readonly port: number;
  /** Changes how bytes travel from now on, on open connections too. */
  behave(next: Partial<LineFaults>): void;
  /** Silence in both directions: nothing is read, written or closed, and new connections hear nothing. */
  freeze(): void;
  /** Ends the silence; whatever was on its way arrives. */
  thaw(): void;
  /** Resets both ends of every open connection. */
  resetAll(): void;
  /** Sends FIN to one end of every open connection; bytes still travel the other way. */
  halfClose(end: 'client' | 'target'): void;
  /** Stops listening, so that new connections are refused; open ones live on. */
  refuse(): void;
  /** Listens again, on the same port. */
  accept(): Promise<void>;
  openConnections(): number;
  /** Connections ever accepted. */
  accepted(): number;
  close(): Promise<void>;
}

/** How bytes travel. Unless told otherwise they pass as they come. */
export interface LineFaults {
  /** Every byte arrives so much later; order is kept. */
  readonly latencyMs: number;
  /** Up to so much more, from a fixed sequence, so that runs are alike. */
  readonly jitterMs: number;
  /** The rate of each direction of each connection. */
  readonly bytesPerSecond: number;
  /** Closes a connection after so many bytes from the client. */
  readonly cutUpAfterBytes: number;
  /** Closes a connection after so many bytes to the client. */
  readonly cutDownAfterBytes: number;
  /** Whether a cut is a FIN or an RST. */
  readonly cutWith: 'fin' | 'reset';
}

export async function openFaultProxy(targetPort: number): Promise<FaultProxy> {
  const proxy = new TcpProxy(targetPort);
  await proxy.accept();
  return proxy;
}

const noFaults: LineFaults = {
  latencyMs: 0,
  jitterMs: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  cutUpAfterBytes: Number.POSITIVE_INFINITY,
  cutDownAfterBytes: Number.POSITIVE_INFINITY,
  cutWith: 'fin',
};

interface Pair {
  readonly client: Socket;
  readonly target: Socket;
  readonly lines: readonly Line[];
}

class TcpProxy implements FaultProxy {
  readonly #targetPort: number;
  readonly #pairs = new Set<Pair>();
  #server: Server | undefined;
  #port = 0;
  #accepted = 0;
  #faults = noFaults;
  #isFrozen = false;
  #random = 1;

  constructor(targetPort: number) {
    this.#targetPort = targetPort;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  behave(next: Partial<LineFaults>): void {
    this.#faults = { ...this.#faults, ...next };
  }

  freeze(): void {
    this.#setFrozen(true);
  }

  thaw(): void {
    this.#setFrozen(false);
  }

  resetAll(): void {
    for (const pair of this.#pairs) reset(pair);
  }

  halfClose(end: 'client' | 'target'): void {
    for (const pair of this.#pairs) pair[end].end();
  }

  refuse(): void {
    // The listening socket closes at once; only the callback would wait for open connections.
    this.#server?.close();
    this.#server = undefined;
  }

  async accept(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#join(client));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    const address = server.address();
    if (address !== null && typeof address === 'object') this.#port = address.port;
  }

  openConnections(): number {
    return this.#pairs.size;
  }

  accepted(): number {
    return this.#accepted;
  }

  async close(): Promise<void> {
    const server = this.#server;
    const closed = new Promise<void>((resolve) => {
      if (server === undefined) resolve();
      else server.close(() => resolve());
    });
    for (const { client, target } of this.#pairs) {
      client.destroy();
      target.destroy();
    }
    await closed;
  }

  #setFrozen(isFrozen: boolean): void {
    this.#isFrozen = isFrozen;
    for (const { lines } of this.#pairs) for (const line of lines) line.refresh();
  }

  #join(client: Socket): void {
    this.#accepted += 1;
    const target = connect({
      port: this.#targetPort,
      host: '127.0.0.1',
      allowHalfOpen: true,
      noDelay: true,
    });
    const cut = () => (this.#faults.cutWith === 'reset' ? reset(pair) : end(pair));
    const up = new Line(
      { from: client, to: target },
      () => this.#conditions(this.#faults.cutUpAfterBytes),
      cut,
    );
    const down = new Line(
      { from: target, to: client },
      () => this.#conditions(this.#faults.cutDownAfterBytes),
      cut,
    );
    const pair: Pair = { client, target, lines: [up, down] };
    this.#pairs.add(pair);
    for (const socket of [client, target]) {
      // A reset, or a target that refuses, is what the other end must see too.
      socket.on('error', () => reset(pair));
      socket.on('close', () => {
        if (client.destroyed && target.destroyed) this.#pairs.delete(pair);
      });
    }
  }

  #conditions(cutAfterBytes: number): LineConditions {
    const { bytesPerSecond } = this.#faults;
    return {
      isFrozen: this.#isFrozen,
      drawDelayMs: () => this.#drawDelayMs(),
      bytesPerSecond,
      cutAfterBytes,
    };
  }

  #drawDelayMs(): number {
    this.#random = (this.#random * 48_271) % randomMax;
    return this.#faults.latencyMs + (this.#faults.jitterMs * this.#random) / randomMax;
  }
}

/** Lehmer's generator is random enough for jitter, and begins alike in every run. */
const randomMax = 2_147_483_647;

function reset({ client, target }: Pair): void {
  client.resetAndDestroy();
  target.resetAndDestroy();
}

function end({ client, target }: Pair): void {
  client.destroySoon();
  target.destroySoon();
}
