/** Binds the exchange to a target as late as possible: when a slot is free there. */
import type { Bound, Clocks, Planned, Target } from '../core/exchange.ts';
import { Failure, fail } from '../core/failure.ts';
import { type Handler, type Outcome, onEnded, type Reply, type Stage } from '../core/stage.ts';
import type { Clock } from '../lib/clock.ts';

/** The right to occupy an upstream, until released with how it went. */
export interface Slot {
  readonly target: Target;
  /** Whether its model most likely has to be loaded first. */
  readonly cold: boolean;
  release(outcome: 'served' | 'left' | Failure): void;
}

interface Waiting {
  readonly queueMs: number;
  /** What the waiting request holds in memory. */
  readonly bytes: number;
  onLeave(leave: () => void): void;
}

export interface Slots {
  /** A slot on the first candidate that has one free, or nothing. */
  take(candidates: readonly Target[]): Slot | undefined;
  /** Waits for a slot on any candidate. Rejects when the queue is full, the wait too long, or the client gone. */
  wait(candidates: readonly Target[], waiting: Waiting): Promise<Slot>;
}

/** Which candidates are asked, by tiers and by what is known of their upstreams. */
export interface Choice {
  /** Those that the request may be sent to now. `visited` are upstreams that have failed it. */
  first(candidates: readonly Target[], visited: ReadonlySet<string>): readonly Target[];
  /** Those that may serve in place of `full`, which had no slot to give. */
  instead(
    full: readonly Target[],
    candidates: readonly Target[],
    visited: ReadonlySet<string>,
  ): readonly Target[];
}

export interface ScheduleOptions {
  readonly slots: Slots;
  readonly choice: Choice;
  readonly clock: Clock;
}

export function schedule(options: ScheduleOptions): Stage<Planned, Bound> {
  return (next) => (exchange) => {
    const candidates = options.choice.first(exchange.candidates, exchange.visited);
    const slot = options.slots.take(candidates);
    if (slot !== undefined) return occupy(next, exchange, slot);
    return queue(options, next, { exchange, candidates });
  };
}

interface Wanting {
  readonly exchange: Planned;
  readonly candidates: readonly Target[];
}

async function queue(options: ScheduleOptions, next: Handler<Bound>, wanting: Wanting): Promise<Reply> {
  const { exchange, candidates } = wanting;
  const startedMs = options.clock.now();
  // It is nowhere until it gets a slot: what ends the wait is not to be laid at the last try's door.
  exchange.trail.upstream = '';
  exchange.trail.targetModel = '';
  const { queueMs, totalMs } = exchange.clocks;
  const leftMs = Math.max(0, exchange.trail.startedMs + totalMs - startedMs);
  const waiting = options.slots.wait(candidates, {
    queueMs: Math.min(queueMs, leftMs),
    bytes: exchange.call.wire.bytes.length,
    onLeave: (leave) => exchange.signal.onAbort(leave),
  });
  const slot = await waiting.catch((thrown: unknown) => {
    if (leftMs < queueMs) return throwAsTotal(thrown, totalMs);
    return elsewhere(options, wanting, thrown);
  });
  exchange.trail.queuedMs += options.clock.now() - startedMs;
  if (exchange.signal.aborted) {
    slot.release('left');
    throw fail('client_gone', 'the client left while waiting for a slot');
  }
  return occupy(next, exchange, slot);
}

/** A queue that is full, or was waited in for too long, cannot serve: then later tiers may, if they have a slot free. */
function elsewhere(
  { choice, slots }: ScheduleOptions,
  { exchange, candidates }: Wanting,
  thrown: unknown,
): Slot {
  const isFull =
    thrown instanceof Failure && (thrown.code === 'queue_timeout' || thrown.code === 'queue_full');
  const slot = isFull
    ? slots.take(choice.instead(candidates, exchange.candidates, exchange.visited))
    : undefined;
  if (slot === undefined) throw thrown;
  return slot;
}

/** The exchange's own clock ended the wait, not the queue's. */
function throwAsTotal(thrown: unknown, totalMs: number): never {
  if (!(thrown instanceof Failure && thrown.code === 'queue_timeout')) throw thrown;
  throw fail('total_timeout', `no slot became free within the ${totalMs} ms of the whole answer`, {
    cause: thrown,
  });
}

function occupy(next: Handler<Bound>, exchange: Planned, slot: Slot): Promise<Reply> {
  const { trail } = exchange;
  trail.upstream = slot.target.upstream.name;
  trail.targetModel = slot.target.model;
  const clocks = slot.cold ? withLoading(exchange.clocks) : exchange.clocks;
  return next({ ...exchange, clocks, target: slot.target }).then(
    (reply) => {
      onEnded(reply, (outcome) => slot.release(howItWent(outcome)));
      return reply;
    },
    (thrown: unknown) => {
      slot.release(thrown instanceof Failure ? thrown : 'left');
      throw thrown;
    },
  );
}

/** A model that has to load first has that time for its first token. */
function withLoading(clocks: Clocks): Clocks {
  return clocks.loadMs > clocks.firstTokenMs ? { ...clocks, firstTokenMs: clocks.loadMs } : clocks;
}

function howItWent(outcome: Outcome): 'served' | 'left' | Failure {
  switch (outcome.kind) {
    case 'complete':
      return 'served';
    case 'aborted':
      return 'left';
    case 'failed':
      return outcome.failure;
  }
}
