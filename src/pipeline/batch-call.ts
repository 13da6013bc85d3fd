/** One call upstream for several requests: each keeps its own trail, time, client and answer. */
import type { CompleteCall, EmbedCall } from '../core/call.ts';
import type { Bound, Endpoint, OpenBatch, Planned, Target } from '../core/exchange.ts';
import { asFailure, type Failure, fail } from '../core/failure.ts';
import type { CallResult } from '../core/part.ts';
import { Signal } from '../core/signal.ts';
import { type Handler, type Reply, wholeReply } from '../core/stage.ts';
import { Trail } from '../core/trail.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { inputsOf, mergeCalls, splitResult } from './merged-call.ts';
import { noteResult } from './note-result.ts';
import { replyFacts, replyHeaders } from './reply-facts.ts';

export interface BatchBounds {
  /** Inputs in one call. */
  readonly maxBatch: number;
  readonly maxWaitMs: number;
  /** Calls that go at the same moment; 1 where each goes as it comes. */
  readonly window: number;
}

export interface BatchOptions {
  readonly clock: Clock;
  readonly boundsOf: (model: string) => BatchBounds;
  /** Whether one of them has a slot free. */
  readonly isFree: (candidates: readonly Target[]) => boolean;
  /** False for a body that broke a server lately: it would take others along. */
  readonly mayMerge: (exchange: Planned) => boolean;
  readonly told: BatchesTold;
}

interface BatchesTold {
  /** A request waits for others to be sent with, in one call or beside it, or joined some that wait for a slot. */
  joined(): void;
  /** It has its answer, or is gone. */
  left(): void;
  /** A call goes out for several: how long each of them was kept for it. */
  sent(gatheredMs: readonly number[]): void;
  /** A call was refused, and its requests are sent by themselves. */
  parted(): void;
}

interface BatchCallOptions extends BatchOptions {
  readonly next: Handler<Planned>;
  /** Nobody can join any more. */
  readonly onClosed: () => void;
  /** It was sent, and is over. */
  readonly onEnded: () => void;
  readonly onRefusing: (untilMs: number) => void;
}

interface Member {
  readonly exchange: Planned;
  readonly call: EmbedCall | CompleteCall;
  readonly joinedMs: number;
  readonly endsMs: number;
  readonly timer: Timer;
  readonly resolve: (reply: Reply | Promise<Reply>) => void;
  readonly reject: (failure: Failure) => void;
}

/** What the requests of one call hold together. */
const bytesMax = 1024 * 1024;
const refusingMs = 60_000;

export class BatchCall implements OpenBatch {
  readonly #options: BatchCallOptions;
  /** Those that are still there. */
  readonly #members = new Set<Member>();
  /** Those that it was sent for, in the order of their inputs. */
  #sent: readonly Member[] | undefined;
  #results: readonly CallResult[] = [];
  #trail: Trail | undefined;
  readonly #signal = new Signal();
  #inputs = 0;
  #bytes = 0;

  constructor(options: BatchCallOptions) {
    this.#options = options;
  }

  get isSent(): boolean {
    return this.#trail !== undefined;
  }

  get isFull(): boolean {
    const [first] = this.#members;
    return first !== undefined && this.#inputs >= this.#maxBatchOf(first.exchange);
  }

  hasRoomFor(exchange: Planned): boolean {
    const { call } = exchange;
    const inputs = this.#inputs + inputsOf(call as Member['call']).length;
    return inputs <= this.#maxBatchOf(exchange) && this.#bytes + call.wire.bytes.length <= bytesMax;
  }

  add(exchange: Planned): Promise<Reply> {
    const { clock, told } = this.#options;
    const call = exchange.call as Member['call'];
    const joinedMs = clock.now();
    const { totalMs } = exchange.clocks;
    const endsMs = exchange.trail.startedMs + totalMs;
    this.#inputs += inputsOf(call).length;
    this.#bytes += call.wire.bytes.length;
    return new Promise((resolve, reject) => {
      const tooLate = () => fail('total_timeout', `the answer was not complete after ${totalMs} ms`);
      const timer = clock.after(Math.max(0, endsMs - joinedMs), () => this.#leave(member, tooLate()));
      const member: Member = { exchange, call, joinedMs, endsMs, timer, resolve, reject };
      this.#members.add(member);
      told.joined();
      exchange.signal.onAbort(() =>
        this.#leave(member, fail('client_gone', 'the client left before the upstream answered')),
      );
    });
  }

  /** Hands it to the scheduler, with what is known of it so far. */
  send(): void {
    const members = [...this.#members];
    const [first] = members;
    if (first === undefined) {
      this.#options.onEnded();
      return;
    }
    const now = this.#options.clock.now();
    for (const { exchange, joinedMs } of members) exchange.trail.gatheredMs = now - joinedMs;
    const trail = trailOf(first.exchange.trail, now);
    this.#trail = trail;
    // What the answer says is kept for each of them, and not for all of them together.
    const { transcript: _, ...shared } = first.exchange;
    void this.#options
      .next({
        ...shared,
        call: mergeCalls([first.call, ...members.slice(1).map(({ call }) => call)]),
        trail,
        signal: this.#signal,
        clocks: { ...shared.clocks, totalMs: lastEnd(members) - now },
        // Whoever set no time for itself is owed an answer by the upstream.
        deadlineMs: members.every((member) => member.exchange.deadlineMs !== undefined)
          ? lastEnd(members)
          : undefined,
        batch: this,
      })
      .then(
        (reply) => this.#served(reply),
        (thrown: unknown) => this.#failed(asFailure(thrown)),
      )
      .then(this.#options.onEnded);
  }

  seal(bound: Bound): Bound {
    if (this.#sent === undefined) {
      this.#sent = [...this.#members];
      this.#options.onClosed();
      for (const { exchange } of this.#sent) exchange.trail.batchedWith = this.#sent.length;
      if (this.#sent.length > 1) {
        this.#options.told.sent(this.#sent.map(({ exchange }) => exchange.trail.gatheredMs));
      }
    }
    const [first, ...others] = this.#sent;
    if (first === undefined) throw fail('client_gone', 'all clients left while it waited for a slot');
    const clocks = { ...bound.clocks, totalMs: lastEnd(this.#sent) - bound.trail.startedMs };
    if (others.length === 0) return { ...bound, ...alone(first.exchange), clocks };
    const calls = [first.call, ...others.map(({ call }) => call)] as const;
    return { ...bound, call: mergeCalls(calls), clocks, endpoint: this.#splitter(calls) };
  }

  /** In the place of the dialect's own endpoint: what it is handed to write becomes an answer for each. */
  #splitter(calls: readonly Member['call'][]): Endpoint {
    const never = () => {
      throw new TypeError('a batch is neither read nor streamed');
    };
    return {
      name: 'batch',
      streamType: 'application/json',
      parse: never,
      openRenderer: never,
      renderResult: (result) => {
        this.#results = splitResult(result, calls);
        return '';
      },
    };
  }

  #served(reply: Reply): void {
    this.#sent?.forEach((member, index) => {
      if (!this.#release(member)) return;
      const result = this.#results[index];
      if (result === undefined) this.#passOn(member, reply);
      else member.resolve(this.#answer(member, result));
    });
  }

  /** Who was sent alone after all has an answer of its own already. */
  #passOn({ exchange, resolve }: Member, reply: Reply): void {
    const { usage, outputSeen, stop } = this.#trail ?? exchange.trail;
    Object.assign(exchange.trail, { usage, outputSeen, stop });
    resolve(reply);
  }

  async #answer({ exchange }: Member, result: CallResult): Promise<Reply> {
    noteResult(result, exchange);
    const body = exchange.endpoint.renderResult(result, replyFacts({ exchange, options: this.#options }));
    return wholeReply(200, replyHeaders(exchange, 'application/json'), Buffer.from(body));
  }

  #failed(failure: Failure): void {
    const left = (this.#sent ?? [...this.#members]).filter((member) => this.#release(member));
    if (isOfOne(failure) && (this.#sent?.length ?? 0) > 1) {
      this.#sendApart(left, failure);
      return;
    }
    for (const { reject } of left) reject(failure);
  }

  /**
   * One of them was refused, and took the others along: each is sent by itself, so that it fails alone. That is no retry,
   * which would ask again for what failed: it is the first time that any of them is asked for on its own.
   */
  #sendApart(members: readonly Member[], { code }: Failure): void {
    const { next, clock, told, onRefusing } = this.#options;
    told.parted();
    const answers = members.map(({ exchange, resolve }) => {
      exchange.trail.batchedWith = 1;
      // What may break servers has had its tries.
      if (code !== 'poison_suspected') exchange.trail.attempts = [];
      const reply = next(exchange);
      resolve(reply);
      return reply;
    });
    void Promise.allSettled(answers).then((settled) => {
      // None of them was to blame, so that it was their company.
      const isInVain = settled.length > 1 && settled.every(({ status }) => status === 'fulfilled');
      if (isInVain) onRefusing(clock.now() + refusingMs);
    });
  }

  #leave(member: Member, failure: Failure): void {
    if (!this.#release(member)) return;
    member.reject(failure);
    if (this.#members.size > 0) return;
    this.#options.onClosed();
    this.#signal.abort();
  }

  /** Whether it was still there. What is known of the call is written down for it: what comes later is not its own. */
  #release(member: Member): boolean {
    if (!this.#members.delete(member)) return false;
    member.timer.cancel();
    this.#options.told.left();
    if (this.#trail !== undefined) tell(member, this.#trail);
    return true;
  }

  #maxBatchOf({ trail }: Planned): number {
    return this.#options.boundsOf(trail.model).maxBatch;
  }
}

/** As the scheduler sees it: a request of the same tenant for the same model. */
function trailOf(first: Trail, nowMs: number): Trail {
  const trail = new Trail(first.id, { startedMs: nowMs, wallMs: first.wallMs });
  const { configId, route, dialect, keyName, tenant, team, user, callKind, modelAsked, model } = first;
  return Object.assign(trail, {
    configId,
    route,
    dialect,
    keyName,
    tenant,
    team,
    user,
    callKind,
    modelAsked,
    model,
  });
}

/** Whether it may be the fault of one of them alone. */
function isOfOne({ blame, code }: Failure): boolean {
  return (blame === 'client' && code !== 'client_gone') || code === 'poison_suspected';
}

function tell({ exchange, joinedMs }: Member, of: Trail): void {
  const { trail } = exchange;
  trail.queuedMs += Math.max(0, of.queuedMs - Math.max(0, joinedMs - of.startedMs));
  trail.model = of.model;
  trail.upstream = of.upstream;
  trail.targetModel = of.targetModel;
  trail.sentMs = of.sentMs;
  trail.firstByteMs = of.firstByteMs;
  trail.attempts = [...of.attempts];
  trail.warn(of.warnings);
}

function lastEnd(members: readonly Member[]): number {
  return Math.max(...members.map(({ endsMs }) => endsMs));
}

/** What is a request's own of what goes to an upstream. */
function alone({ call, endpoint, route, transcript }: Planned) {
  return { call, endpoint, route, ...(transcript === undefined ? {} : { transcript }) };
}
