/** One Ollama server at a long operation: its lines of progress, until it says success or fails. */

import type { JsonObject } from '../core/call.ts';
import type { Upstream } from '../core/exchange.ts';
import { asFailure, type Failure, fail } from '../core/failure.ts';
import { isObject } from '../core/json-object.ts';
import type { Flow, Receiver, UpstreamRequest } from '../core/transport.ts';
import { withoutSecrets } from '../core/without-secrets.ts';
import { asBuffer } from '../lib/as-buffer.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { NdjsonFramer, parseLine } from '../net/ndjson-framer.ts';
import { isAbsent } from '../protocol/read.ts';

export interface Operating {
  readonly upstream: Upstream;
  readonly request: UpstreamRequest;
}

export interface ProgressOptions {
  readonly clock: Clock;
  readonly line: (line: JsonObject) => void;
  /** Called once, unless aborted. */
  readonly over: (failure: Failure | undefined) => void;
}

/** A server that says nothing for this long is given up. Checking the digest of a large model is as silent as that. */
const operationIdleMs = 10 * 60_000;
const lineBytesMax = 64 * 1024;
const refusalBytesMax = 64 * 1024;
const errorCharsMax = 500;
/** How long a server may take to close a stream in which it has said everything. */
const lingerMs = 1_000;

export class ProgressFlow implements Receiver {
  readonly #operating: Operating;
  readonly #options: ProgressOptions;
  readonly #framer = new NdjsonFramer(lineBytesMax);
  readonly #take = (bytes: Buffer) => this.#line(bytes);
  #flow: Flow | undefined;
  #timer: Timer | undefined;
  #status = 0;
  #refusal = '';
  #over = false;

  constructor(operating: Operating, options: ProgressOptions) {
    this.#operating = operating;
    this.#options = options;
  }

  begin(): void {
    const { upstream, request } = this.#operating;
    this.#watch();
    this.#flow = upstream.transport.send(request, this);
    if (this.#over) this.#flow.abort();
  }

  pause(): void {
    if (this.#over) return;
    // While the client does not read, silence is not the server's.
    this.#timer?.cancel();
    this.#flow?.pause();
  }

  resume(): void {
    if (this.#over) return;
    this.#watch();
    this.#flow?.resume();
  }

  abort(): void {
    this.#over = true;
    this.#timer?.cancel();
    this.#flow?.abort();
  }

  sent(): void {
    this.#watch();
  }

  head(status: number): void {
    this.#status = status;
    this.#watch();
  }

  data(chunk: Uint8Array): void {
    if (this.#over) return;
    this.#watch();
    const bytes = asBuffer(chunk);
    if (this.#status !== 200) {
      if (this.#refusal.length < refusalBytesMax) this.#refusal += bytes.toString('utf8');
      return;
    }
    try {
      this.#framer.push(bytes, this.#take);
    } catch (thrown) {
      this.#break(asFailure(thrown));
    }
  }

  end(): void {
    if (this.#status === 200 && this.#framer.pending > 0) this.data(lineFeed);
    this.#timer?.cancel();
    if (this.#over) return;
    const { adapter } = this.#operating.upstream;
    this.#finish(
      this.#status === 200
        ? fail('upstream_cut', 'the upstream ended its progress without success')
        : adapter.decodeFailure(this.#status, this.#refusal),
    );
  }

  fail(failure: Failure): void {
    this.#timer?.cancel();
    if (!this.#over) this.#finish(failure);
  }

  #line(bytes: Buffer): void {
    if (this.#over) return;
    if (bytes.length > lineBytesMax) {
      throw fail('bad_upstream_response', `the upstream sent a line of more than ${lineBytesMax} bytes`);
    }
    const { data } = parseLine(bytes);
    if (data === '') return;
    const line = parseProgress(data);
    const { error } = line;
    if (!isAbsent(error)) {
      // Ollama says it in a text; servers that speak like it may say it in an object.
      const text = typeof error === 'string' ? error : JSON.stringify(error);
      this.#break(fail('upstream_failed', text.slice(0, errorCharsMax)));
    } else if (line['status'] === 'success') {
      this.#finish(undefined);
      this.#timer = this.#options.clock.after(lingerMs, () => this.#flow?.abort());
    } else {
      this.#options.line(line);
    }
  }

  #watch(): void {
    this.#timer?.cancel();
    if (this.#over) return;
    this.#timer = this.#options.clock.after(operationIdleMs, () =>
      this.#break(fail('idle_timeout', `the upstream said nothing for ${operationIdleMs / 1000} s`)),
    );
  }

  #break(failure: Failure): void {
    if (this.#over) return;
    this.abort();
    this.#options.over(withoutSecrets(this.#operating.upstream, failure));
  }

  #finish(failure: Failure | undefined): void {
    this.#over = true;
    this.#timer?.cancel();
    this.#options.over(failure && withoutSecrets(this.#operating.upstream, failure));
  }
}

const lineFeed = Buffer.from('\n');

function parseProgress(data: string): JsonObject {
  let line: unknown;
  try {
    line = JSON.parse(data);
  } catch (cause) {
    throw fail('bad_upstream_response', 'the upstream sent a line of progress that is not JSON', { cause });
  }
  if (isObject(line as JsonObject)) return line as JsonObject;
  throw fail('bad_upstream_response', 'the upstream sent a line of progress that is no object');
}
