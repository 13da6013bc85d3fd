import type { IncomingHttpHeaders } from 'node:http';

/** One request as it reached the fake server. Times are `performance.now()`. */
export interface RecordedRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The bytes that arrived; complete once `bodyAt` is set. */
  readonly body: Buffer;
  /** The parsed body, or undefined where it is no JSON. */
  readonly json: unknown;
  /** When the head had arrived. */
  readonly receivedAt: number;
  /** When the body had arrived. */
  readonly bodyAt: number | undefined;
  /** When the first byte of the answer was written. */
  readonly firstByteAt: number | undefined;
  /** When the last byte of the answer was written. */
  readonly answeredAt: number | undefined;
  /** When its connection was gone, whoever closed it. */
  readonly closedAt: number | undefined;
  /** The other side closed the connection before the answer was complete. */
  readonly aborted: boolean;
  /** Body bytes written. */
  readonly bytesSent: number;
}

/** The server's own view of a record. */
export type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

const requestsMax = 10_000;
const waitMs = 5_000;

/** What one fake server saw, and the ways to wait for it. */
export class Recording {
  readonly requests: RecordedRequest[] = [];
  readonly #handedOut = new WeakSet<RecordedRequest>();
  readonly #waiting = new Set<() => void>();

  add(request: RecordedRequest): void {
    this.requests.push(request);
    if (this.requests.length > requestsMax) this.requests.shift();
  }

  /** Says that something in a record has changed. */
  changed(): void {
    for (const check of this.#waiting) check();
  }

  /** The next complete request that matches and was not handed out before, recorded already or still to come. */
  async waitForRequest(
    matches: (request: RecordedRequest) => boolean = () => true,
  ): Promise<RecordedRequest> {
    const isNext = (request: RecordedRequest) =>
      request.bodyAt !== undefined && !this.#handedOut.has(request) && matches(request);
    const request = await this.#until(() => this.requests.find(isNext), 'a request that matches');
    this.#handedOut.add(request);
    return request;
  }

  /** Settles when the connection that carried the request is gone. */
  async waitForClose(request: RecordedRequest): Promise<void> {
    await this.#until(() => request.closedAt, `the connection of ${request.method} ${request.path} to close`);
  }

  #until<T>(find: () => T | undefined, what: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const finish = () => {
        clearTimeout(timer);
        this.#waiting.delete(check);
      };
      const check = () => {
        const found = find();
        if (found === undefined) return;
        finish();
        resolve(found);
      };
      const timer = setTimeout(() => {
        finish();
        reject(new Error(`waited ${waitMs} ms for ${what}; saw ${this.#summary()}`));
      }, waitMs);
      this.#waiting.add(check);
      check();
    });
  }

  #summary(): string {
    return this.requests.map(({ method, path }) => `${method} ${path}`).join(', ') || 'no request';
  }
}
