/** How bytes reach an upstream and come back, over a socket or without one. */
import type { Failure } from './failure.ts';

export interface UpstreamRequest {
  readonly method: 'GET' | 'POST' | 'DELETE' | 'HEAD';
  /** Follows the base path of the upstream's address; `../` in front leaves its last part. */
  readonly path: string;
  /** Name, value, name, value; the transport adds host, length and credentials. */
  readonly headers: readonly string[];
  readonly body?: Uint8Array | string;
  /** In place of `body`, for what is too large to hold: taken at the pace of the upstream. */
  readonly bodyStream?: AsyncIterable<Uint8Array>;
}

/** Where an answer goes. Exactly one of `end` and `fail` is called, once, unless the flow was aborted. */
export interface Receiver {
  /** The request left for a server that is there: the connect clock stops. */
  sent(): void;
  head(status: number, headers: Readonly<Record<string, string | string[] | undefined>>): void;
  /** The chunk is the receiver's to keep. */
  data(chunk: Uint8Array): void;
  end(): void;
  fail(failure: Failure): void;
}

export interface Flow {
  pause(): void;
  resume(): void;
  /** Closes the way to the upstream at once; nothing is received afterwards. */
  abort(): void;
}

export interface Transport {
  /**
   * How many pieces have come from there, of all answers together: while it grows somebody is there. Absent where there is
   * no way that could break.
   */
  readonly heard?: number;
  send(request: UpstreamRequest, receiver: Receiver): Flow;
  /** Lets what is in flight end, then frees everything. */
  close(): Promise<void>;
}
