/**
 * One long operation on several Ollama servers at once, told to the client as one stream of progress. It succeeds
 * when all have succeeded; one that fails does not stop the others.
 */

import type { JsonObject } from '../core/call.ts';
import type { Authenticated, Upstream } from '../core/exchange.ts';
import { type Failure, fail } from '../core/failure.ts';
import { warningHeader } from '../core/header-text.ts';
import { type Outcome, type Reply, type Sink, type StreamSource, wholeReply } from '../core/stage.ts';
import type { Clock } from '../lib/clock.ts';
import { ProgressMerge } from '../protocol/ollama-progress.ts';
import { combinedFailure, type Fate } from './fate.ts';
import { type Operating, ProgressFlow } from './progress-flow.ts';

export interface FanOutPlan {
  /** For messages: `pull`. */
  readonly verb: string;
  readonly operations: readonly Operating[];
  readonly exchange: Authenticated;
  readonly clock: Clock;
  /** Whether the client wants the lines, or only how it ended. */
  readonly stream: boolean;
  /** Called before the client learns of the end. */
  readonly afterwards: (fates: readonly Fate[]) => Promise<void>;
}

/** Rejects when every upstream failed before any had begun, so that the client gets a status. */
export function fanOut(plan: FanOutPlan): Promise<Reply> {
  return new Promise((resolve, reject) => new FanOut(plan, { resolve, reject }).begin());
}

interface Promised {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (failure: Failure) => void;
}

class FanOut implements StreamSource {
  readonly #plan: FanOutPlan;
  readonly #reply: Promised;
  readonly #merge: ProgressMerge;
  readonly #flows: ProgressFlow[] = [];
  readonly #fates = new Map<Upstream, Failure | undefined>();
  #sink: Sink | undefined;
  /** Lines from before the writer was ready. */
  #held: Buffer[] = [];
  /** Failures from before anything began: told once something has, and in the status when nothing does. */
  #early: JsonObject[] = [];
  #settle: ((outcome: Outcome) => void) | undefined;
  #over = false;

  constructor(plan: FanOutPlan, reply: Promised) {
    this.#plan = plan;
    this.#reply = reply;
    this.#merge = new ProgressMerge(plan.operations.length);
  }

  begin(): void {
    const { operations, clock, exchange } = this.#plan;
    for (const operating of operations) {
      const { upstream } = operating;
      const flow = new ProgressFlow(operating, {
        clock,
        line: (line) => this.#tell(this.#merge.merge(upstream.name, line)),
        over: (failure) => this.#ended({ upstream, failure }),
      });
      this.#flows.push(flow);
    }
    for (const flow of this.#flows) flow.begin();
    exchange.signal.onAbort(() => this.abort());
  }

  start(sink: Sink): void {
    this.#sink = sink;
    const held = this.#held;
    this.#held = [];
    let more = true;
    for (const bytes of held) more = sink.write(bytes);
    if (this.#over) sink.end();
    else if (!more) this.pause();
  }

  pause(): void {
    for (const flow of this.#flows) flow.pause();
  }

  resume(): void {
    for (const flow of this.#flows) flow.resume();
  }

  /** The client has left: what was begun for it is dropped everywhere. */
  abort(): void {
    if (this.#over) return;
    this.#over = true;
    for (const flow of this.#flows) flow.abort();
    if (this.#settle !== undefined) this.#settle({ kind: 'aborted' });
    else this.#reply.reject(fail('client_gone', `the client left before the ${this.#plan.verb} had begun`));
  }

  #ended({ upstream, failure }: Fate): void {
    if (this.#over) return;
    this.#fates.set(upstream, failure);
    const { operations, afterwards } = this.#plan;
    if (operations.length > 1) this.#note(upstream, failure);
    if (this.#fates.size < operations.length) return;
    const fates = operations.map((one) => ({
      upstream: one.upstream,
      failure: this.#fates.get(one.upstream),
    }));
    void afterwards(fates).then(() => this.#conclude(fates));
  }

  #note({ name }: Upstream, failure: Failure | undefined): void {
    const said = failure === undefined ? 'done' : `failed: ${failure.message}`;
    const note = { status: `${name}: ${said}`, upstream: { name } };
    if (failure !== undefined && this.#settle === undefined) this.#early.push(note);
    else this.#tell(note);
  }

  #conclude(fates: readonly Fate[]): void {
    if (this.#over) return;
    const { verb, stream, exchange } = this.#plan;
    const failure = combinedFailure(verb, fates);
    if (failure !== undefined && this.#settle === undefined) {
      this.#over = true;
      this.#reply.reject(failure);
      return;
    }
    const last = failure === undefined ? line(success) : this.#failureLine(failure);
    if (!stream) {
      this.#over = true;
      this.#reply.resolve(wholeReply(200, this.#headers('application/json; charset=utf-8'), last));
      return;
    }
    this.#write(last);
    this.#over = true;
    this.#sink?.end();
    exchange.trail.failure = failure;
    this.#settle?.(failure === undefined ? { kind: 'complete' } : { kind: 'failed', failure });
  }

  #failureLine(failure: Failure): Buffer {
    const { route, trail } = this.#plan.exchange;
    return Buffer.from(route.voice.renderStreamFailure(failure, trail.id));
  }

  #tell(progress: JsonObject): void {
    if (this.#over || !this.#plan.stream) return;
    this.#write(line(progress));
    for (const note of this.#early.splice(0)) this.#write(line(note));
  }

  #write(bytes: Buffer): void {
    this.#promise();
    const { trail } = this.#plan.exchange;
    trail.bytesOut += bytes.length;
    if (this.#sink === undefined) this.#held.push(bytes);
    else if (!this.#sink.write(bytes)) this.pause();
  }

  /** With the first line the client has its answer; what fails from here on is told inside the stream. */
  #promise(): void {
    if (this.#settle !== undefined) return;
    const ended = new Promise<Outcome>((settle) => {
      this.#settle = settle;
    });
    const headers = [...this.#headers('application/x-ndjson'), ...unbuffered];
    this.#reply.resolve({ status: 200, headers, body: this, ended });
  }

  #headers(contentType: string): readonly string[] {
    return ['content-type', contentType, ...warningHeader(this.#plan.exchange.trail.warnings)];
  }
}

const success = { status: 'success' };
const unbuffered = ['cache-control', 'no-cache', 'x-accel-buffering', 'no'];

function line(value: JsonObject): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}
