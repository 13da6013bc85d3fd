/**
 * A stream for a client that wants one: written in its dialect unless it is that already.
 * Until the first content nothing is promised to the client; after it, a failure is the stream's last event.
 */

import type { Carried, Leg } from '../core/carried.ts';
import { type Failure, fail } from '../core/failure.ts';
import type { Part } from '../core/part.ts';
import type { Outcome, Sink } from '../core/stage.ts';
import type { Delivery } from './delivery.ts';
import { EventReader } from './event-reader.ts';
import { replyFacts, replyHeaders } from './reply-facts.ts';

/** What waits for a client that does not read is bounded by pausing the upstream; this bounds what comes anyway. */
const heldBytesMax = 4 * 1024 * 1024;
const colon = 0x3a;

/** Why a stream is not gone on with: it ends where the money does, and says so. */
const endings = {
  spent: () => fail('budget_exceeded', 'the budget is used up: the answer was stopped here, unfinished'),
  unavailable: () =>
    fail('dependency_unavailable', 'nobody can tell what is left of the budget: the answer was stopped here'),
} as const;

export class StreamReader extends EventReader implements Leg {
  readonly #render: ((part: Part) => string) | undefined;
  #sink: Sink | undefined;
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Frames of the current chunk that pass as they are: one run of bytes as long as none is left out. */
  #run: Buffer | undefined;
  #rendered = '';
  #promised = false;
  /** What ends the stream: it leaves when it is written down what the exchange came to (G21). */
  #last: Buffer[] = [];
  #over = false;
  #settle: ((outcome: Outcome) => void) | undefined;
  #outcome: Outcome | undefined;
  readonly #carried: Carried | undefined;
  /** Others go on where it broke off: the client's stream is not over. */
  #isTakenOver = false;

  constructor(delivery: Delivery) {
    super(delivery);
    const { exchange, encoded } = delivery.given;
    const { carried } = exchange;
    this.#carried = carried;
    this.#render =
      carried?.joint?.render ??
      (encoded.verbatim ? undefined : exchange.endpoint.openRenderer(replyFacts(delivery.given)));
    carried?.opened(this, this.#render);
  }

  failed(failure: Failure): void {
    if (this.complete) return;
    if (!this.#promised) {
      this.delivery.given.reject(failure);
      return;
    }
    const { route, trail } = this.delivery.given.exchange;
    this.flush();
    if (this.#carried?.takesOver(failure) === true) {
      this.#isTakenOver = true;
      this.#conclude({ kind: 'failed', failure });
      return;
    }
    trail.failure = failure;
    this.#conclude({ kind: 'failed', failure });
    this.#write(Buffer.from(route.voice.renderStreamFailure(failure, trail.id)));
  }

  clientLeft(): void {
    if (this.#promised) this.#conclude({ kind: 'aborted' });
    else this.delivery.given.reject(fail('client_gone', 'the client left before the first token'));
  }

  start(sink: Sink): void {
    this.#sink = sink;
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    let more = true;
    for (const bytes of held) more = sink.write(bytes);
    if (this.#over) sink.end();
    else if (!more) this.pause();
  }

  breakOff(failure: Failure): void {
    this.delivery.stop(failure);
  }

  pause(): void {
    this.clientReads = false;
    this.delivery.pause();
  }

  resume(): void {
    this.clientReads = true;
    if (!this.waits) this.delivery.resume();
  }

  abort(): void {
    if (this.complete) return;
    this.delivery.abort();
    this.#conclude({ kind: 'aborted' });
  }

  /** Comments keep a connection alive on its whole way. Any other event without data is one that clients trip over. */
  protected passComment(bytes: Buffer): void {
    if (this.#render === undefined && bytes[0] === colon) this.#pass(bytes);
  }

  protected passPart(part: Part): void {
    if (part.type === 'text-delta') this.delivery.given.exchange.transcript?.add(part.text);
    this.#carried?.heard(part);
    if (this.#render !== undefined) this.#rendered += this.#render(part);
  }

  protected passEvent(bytes: Buffer, usageOnly: boolean): void {
    if (this.#render !== undefined || (usageOnly && this.delivery.given.encoded.dropUsage)) return;
    this.#carried?.passed(bytes, usageOnly);
    this.#pass(bytes);
  }

  protected ending(forbidden: 'spent' | 'unavailable'): Failure {
    return endings[forbidden]();
  }

  /** Neighbouring frames lie side by side in one buffer: they leave as one piece. */
  #pass(bytes: Buffer): void {
    const run = this.#run;
    if (run === undefined) {
      this.#run = bytes;
    } else if (run.buffer === bytes.buffer && run.byteOffset + run.length === bytes.byteOffset) {
      this.#run = Buffer.from(run.buffer, run.byteOffset, run.length + bytes.length);
    } else {
      this.#write(run);
      this.#run = bytes;
    }
  }

  protected flush(): void {
    const run = this.#run;
    this.#run = undefined;
    if (run !== undefined) this.#write(run);
    const rendered = this.#rendered;
    this.#rendered = '';
    if (rendered !== '') this.#write(Buffer.from(rendered));
  }

  #write(bytes: Buffer): void {
    const { trail } = this.delivery.given.exchange;
    trail.bytesOut += bytes.length;
    if (this.complete) {
      this.#last.push(bytes);
      return;
    }
    if (this.#sink !== undefined) {
      if (!this.#sink.write(bytes)) this.pause();
      return;
    }
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > heldBytesMax) this.pause();
  }

  /** The first content: from here on the client has an answer, and no other target is tried. */
  protected contentCame(): void {
    const { exchange, resolve, options } = this.delivery.given;
    this.delivery.watchdog.enter('idle');
    if (this.#promised) return;
    this.#promised = true;
    if (this.#carried?.joint === undefined) exchange.trail.firstContentMs = options.clock.now();
    const ended = new Promise<Outcome>((settle) => {
      this.#settle = settle;
      if (this.#outcome !== undefined) settle(this.#outcome);
    });
    resolve({ status: 200, headers: streamHeaders(exchange), body: this, ended });
  }

  /** The end marker has come. What the upstream still has to say is read and dropped. */
  protected markerCame(): void {
    if (!this.#promised) this.contentCame();
    this.delivery.linger();
    this.#conclude({ kind: 'complete' });
  }

  #conclude(outcome: Outcome): void {
    this.complete = true;
    this.#outcome = outcome;
    this.#settle?.(outcome);
    // What is over is this part of it alone, where others go on.
    if (outcome.kind === 'aborted' || this.#isTakenOver) return;
    void this.delivery.given.options.written().then(() => this.#end());
  }

  #end(): void {
    this.#over = true;
    const sink = this.#sink;
    if (sink === undefined) {
      this.#held.push(...this.#last);
      return;
    }
    for (const bytes of this.#last) sink.write(bytes);
    sink.end();
  }
}

function streamHeaders(exchange: Parameters<typeof replyHeaders>[0]): readonly string[] {
  // Proxies in between are told to hold nothing back.
  return [
    ...replyHeaders(exchange, exchange.endpoint.streamType),
    'cache-control',
    'no-cache',
    'x-accel-buffering',
    'no',
  ];
}
