/** One call upstream for several requests: each keeps its own trail, time, client and answer. */
import type { Bound, Endpoint, OpenBatch, Planned, Target } from '../core/exchange.ts';
import { asFailure, type Failure, fail } from '../core/failure.ts';
import type { CallResult } from '../core/part.ts';
import { Signal } from '../core/signal.ts';
import { type Handler, type Reply, wholeReply } from '../core/stage.ts';
import { Trail } from '../core/trail.ts';
import type { Clock } from '../lib/clock.ts';
import type { BatchMember, WaitingPlaces } from './batch-member.ts';
import { inputsOf, mergeCalls, shareUsage, splitResult } from './merged-call.ts';
import { noteResult } from './note-result.ts';
import { replyFacts, replyHeaders } from './reply-facts.ts';
import type { PriorityRule } from './wishes.ts';

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
  /** Of those who wait in company. */
  readonly places: WaitingPlaces;
  /** Which priorities a key's requests have, and may ask for. */
  readonly priorities: { of(tenant: string, key: string): PriorityRule };
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

/** What the requests of one call hold together. */
const bytesMax = 1024 * 1024;
const refusingMs = 60_000;

type Calls = readonly BatchMember['call'][];

export class BatchCall implements OpenBatch {
  readonly #options: BatchCallOptions;
  /** Those that are still there. */
  readonly #members = new Set<BatchMember>();
  /** Those that it was sent for, in the order of their inputs. */
  #sent: readonly BatchMember[] | undefined;
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

  /** What it takes of the queue: nothing as long as those it is for have places of their own, which they give back with the slot. */
  get places(): number {
    return this.#sent === undefined ? 0 : this.#members.size;
  }

  get bytes(): number {
    if (this.#sent === undefined) return 0;
    return [...this.#members].reduce((sum, member) => sum + member.bytes, 0);
  }

  get isFull(): boolean {
    const [first] = this.#members;
    return first !== undefined && this.#inputs >= this.#maxBatchOf(first.exchange);
  }

  hasRoomFor(exchange: Planned): boolean {
    const { call } = exchange;
    const inputs = this.#inputs + inputsOf(call as BatchMember['call']).length;
    return inputs <= this.#maxBatchOf(exchange) && this.#bytes + call.wire.bytes.length <= bytesMax;
  }

  add(member: BatchMember): void {
    this.#inputs += inputsOf(member.call).length;
    this.#bytes += member.bytes;
    this.#members.add(member);
    this.#options.told.joined();
    member.join(this, this.#options.clock);
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
      for (const member of this.#sent) {
        member.leavePlace();
        member.exchange.trail.batchedWith = this.#sent.length;
      }
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
  #splitter(calls: Calls): Endpoint {
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
  #passOn({ exchange, resolve }: BatchMember, reply: Reply): void {
    const { usage, outputSeen, stop } = this.#trail ?? exchange.trail;
    Object.assign(exchange.trail, { usage, outputSeen, stop });
    resolve(reply);
  }

  async #answer({ exchange }: BatchMember, result: CallResult): Promise<Reply> {
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
  #sendApart(members: readonly BatchMember[], { code }: Failure): void {
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

  leave(member: BatchMember, failure: Failure): void {
    if (!this.#release(member)) return;
    member.reject(failure);
    this.#endIfEmpty();
  }

  part(member: BatchMember): void {
    if (!this.#release(member)) return;
    const { next } = this.#options;
    // Not before whoever it gave way to has its place: it would take it again.
    member.resolve(Promise.resolve().then(() => next(member.exchange)));
    this.#endIfEmpty();
  }

  #endIfEmpty(): void {
    if (this.#members.size > 0) return;
    this.#options.onClosed();
    this.#signal.abort();
  }

  /** Whether it was still there. */
  #release(member: BatchMember): boolean {
    if (!this.#members.delete(member)) return false;
    this.#options.told.left();
    member.release(this.#trail);
    this.#shareTries(member);
    return true;
  }

  /** What was sent for all of them and left for another server: each has its share. */
  #shareTries(member: BatchMember): void {
    const at = this.#sent?.indexOf(member) ?? -1;
    if (this.#sent === undefined || at < 0) return;
    const calls = this.#sent.map(({ call }) => call);
    member.exchange.trail.leftTries = this.#trail?.leftTries?.map((left) => ({
      ...left,
      usage: shareUsage(left.usage, calls, () => 1)[at],
      outputSeen: Math.ceil(left.outputSeen / calls.length),
    }));
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

function lastEnd(members: readonly BatchMember[]): number {
  return Math.max(...members.map(({ endsMs }) => endsMs));
}

/** What is a request's own of what goes to an upstream. */
function alone({ call, endpoint, route, transcript }: Planned) {
  return { call, endpoint, route, ...(transcript === undefined ? {} : { transcript }) };
}
