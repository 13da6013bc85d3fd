/** Binds the exchange to a target as late as possible: when a slot is free there. */
import type { Bound, Clocks, Planned, Target } from '../core/exchange.ts';
import { Failure, fail } from '../core/failure.ts';
import type { Ending, Policy, QueuePlace, Want } from '../core/fleet.ts';
import { type Handler, type Outcome, onEnded, type Reply, type Stage } from '../core/stage.ts';
import type { Clock } from '../lib/clock.ts';
import { conversationPrefix } from './conversation-prefix.ts';
import { answersOf, answerTokensMax, promptTokens } from './token-estimate.ts';
import { type PriorityRule, readPriority } from './wishes.ts';

/** The right to occupy an upstream, until released with how it went. */
interface Slot {
  readonly target: Target;
  /** Whether its model most likely has to be loaded first. */
  readonly cold: boolean;
  release(ending: Ending): void;
}

interface Waiting {
  readonly queueMs: number;
  /** It has to wait: `place` tells where it stands, for as long as it does. */
  onWait(place: () => QueuePlace | undefined): void;
  onLeave(leave: () => void): void;
}

export interface ScheduleOptions {
  readonly scheduler: {
    /** A slot at once, or nothing. */
    take(want: Want): Slot | undefined;
    /** Waits for a slot on any candidate. Rejects when the queue is full, the wait too long, or the client gone. */
    wait(want: Want, waiting: Waiting): Promise<Slot>;
  };
  readonly clock: Clock;
  /** How long a model's answers are. */
  readonly lengths: { p95(model: string): number };
  /** Which priorities a key's requests have, and may ask for. */
  readonly priorities: { of(tenant: string, key: string): PriorityRule };
}

export function schedule(options: ScheduleOptions): Stage<Planned, Bound> {
  return (next) => (exchange) => {
    const want = new Wanted(exchange, options);
    const slot = options.scheduler.take(want);
    if (slot !== undefined) return occupy(options, next, { exchange, slot });
    return queue(options, next, { exchange, want });
  };
}

/** What is only asked for when requests wait is reckoned then. */
class Wanted implements Want {
  readonly model: string;
  readonly candidates: readonly Target[];
  readonly visited: ReadonlySet<string>;
  readonly policy: Policy;
  readonly tenant: string;
  readonly key: string;
  readonly bytes: number;
  readonly places: number;
  readonly arrivedMs: number;
  readonly deadlineMs: number;
  readonly #exchange: Planned;
  readonly #options: ScheduleOptions;
  #tokens = 0;
  #priority: number | undefined;
  #prefix: number | undefined;

  constructor(exchange: Planned, options: ScheduleOptions) {
    const { candidates, visited, policy, principal, call, clocks, trail, batch, deadlineMs } = exchange;
    this.model = trail.model;
    this.candidates = candidates;
    this.visited = visited;
    this.policy = policy;
    this.tenant = principal.tenant;
    this.key = principal.keyName;
    this.bytes = batch === undefined ? call.wire.bytes.length : batch.bytes;
    this.places = batch === undefined ? 1 : batch.places;
    this.arrivedMs = trail.startedMs;
    // A call whose answer others are given may go on for longer than its own client has time.
    this.deadlineMs = Math.min(trail.startedMs + clocks.totalMs, deadlineMs ?? Number.POSITIVE_INFINITY);
    this.#exchange = exchange;
    this.#options = options;
  }

  get tokens(): number {
    if (this.#tokens === 0)
      this.#tokens = Math.ceil(1 + promptTokens(this.#exchange.call) + this.answerTokens);
    return this.#tokens;
  }

  get answerTokens(): number {
    const { call } = this.#exchange;
    const likely = this.#options.lengths.p95(this.model) * answersOf(call);
    return Math.min(answerTokensMax(call), likely);
  }

  get priority(): number {
    this.#priority ??= this.#exchange.priority ?? this.#readPriority();
    return this.#priority;
  }

  get prefix(): number {
    this.#prefix ??= conversationPrefix(this.#exchange.call);
    return this.#prefix;
  }

  #readPriority(): number {
    const { incoming, trail } = this.#exchange;
    const rule = this.#options.priorities.of(this.tenant, this.key);
    const { priority, warning } = readPriority(incoming.headers, rule);
    if (warning !== undefined) trail.warn([warning]);
    return priority;
  }
}

interface Wanting {
  readonly exchange: Planned;
  readonly want: Want;
}

async function queue(options: ScheduleOptions, next: Handler<Bound>, wanting: Wanting): Promise<Reply> {
  const { exchange, want } = wanting;
  const { trail, clocks, signal } = exchange;
  const startedMs = options.clock.now();
  // It is nowhere until it gets a slot: what ends the wait is not to be laid at the last try's door.
  trail.upstream = '';
  trail.targetModel = '';
  trail.policy = '';
  const waiting = options.scheduler.wait(want, {
    queueMs: clocks.queueMs,
    onWait: (place) => {
      trail.place = place;
    },
    onLeave: (leave) => signal.onAbort(leave),
  });
  const slot = await waiting
    .finally(() => {
      trail.place = undefined;
      trail.queuedMs += options.clock.now() - startedMs;
    })
    .catch((thrown: unknown) => {
      const totalEndedIt = exchange.deadlineMs === undefined && want.deadlineMs - startedMs < clocks.queueMs;
      throw totalEndedIt ? asTotal(thrown, clocks.totalMs) : thrown;
    });
  if (signal.aborted) {
    slot.release({ outcome: 'left', ...nothingCame, cold: slot.cold });
    throw fail('client_gone', 'the client left while waiting for a slot');
  }
  return occupy(options, next, { exchange, slot });
}

const nothingCame = { tookMs: 0, firstContentMs: 0, outputTokens: 0 };

/** The model's own clock ended the wait, not the queue's, and not the client's. */
function asTotal(thrown: unknown, totalMs: number): unknown {
  if (!(thrown instanceof Failure && thrown.code === 'queue_timeout')) return thrown;
  return fail('total_timeout', `no slot became free within the ${totalMs} ms of the whole answer`, {
    cause: thrown,
  });
}

interface Occupying {
  readonly exchange: Planned;
  readonly slot: Slot;
}

function occupy(
  options: ScheduleOptions,
  next: Handler<Bound>,
  { exchange, slot }: Occupying,
): Promise<Reply> {
  const { trail } = exchange;
  trail.upstream = slot.target.upstream.name;
  trail.targetModel = slot.target.model;
  trail.policy = exchange.policy.name;
  trail.choices = exchange.candidates.length;
  trail.laterTier = laterTierOf(exchange, slot.target);
  trail.loading = slot.cold;
  const sinceMs = options.clock.now();
  const release = (outcome: Ending['outcome']) =>
    slot.release(endingOf({ exchange, slot }, outcome, { sinceMs, nowMs: options.clock.now() }));
  const clocks = slot.cold ? withLoading(exchange.clocks) : exchange.clocks;
  return next({ ...exchange, clocks, target: slot.target }).then(
    (reply) => {
      onEnded(reply, (outcome) => release(howItWent(outcome)));
      return reply;
    },
    (thrown: unknown) => {
      release(thrown instanceof Failure ? thrown : 'left');
      throw thrown;
    },
  );
}

function laterTierOf({ candidates }: Planned, { tier }: Target): number {
  return tier === candidates[0]?.tier ? 0 : tier;
}

function endingOf(
  { exchange, slot }: Occupying,
  outcome: Ending['outcome'],
  { sinceMs, nowMs }: { readonly sinceMs: number; readonly nowMs: number },
): Ending {
  const { trail, call, principal } = exchange;
  const { sentMs, firstContentMs, usage, outputSeen } = trail;
  const hasBegun = firstContentMs > sentMs && sentMs > 0;
  // Who goes on with a stream says nothing that is its first content.
  const isSilent = !hasBegun && outputSeen === 0 && usage === undefined;
  const ending = {
    outcome: blamed(exchange, outcome),
    tenant: principal.tenant,
    tookMs: nowMs - sinceMs,
    firstContentMs: hasBegun ? firstContentMs - sentMs : 0,
    // A whole answer is silent until it is there, however well its server is.
    silentMs: isSilent && call.stream && sentMs > 0 ? nowMs - sentMs : 0,
    outputTokens: usage?.outputTokens ?? outputSeen,
    cold: slot.cold,
  };
  return usage?.loadNs === undefined ? ending : { ...ending, loadMs: usage.loadNs / nanosPerMs };
}

const nanosPerMs = 1e6;

/** A model that has to load first has that time for its first token. */
function withLoading(clocks: Clocks): Clocks {
  return clocks.loadMs > clocks.firstTokenMs ? { ...clocks, firstTokenMs: clocks.loadMs } : clocks;
}

/** Who leaves is no failure, and who gives a server less time than it needs says nothing about the server. */
function blamed({ deadlineMs }: Planned, outcome: Ending['outcome']): Ending['outcome'] {
  if (!(outcome instanceof Failure)) return outcome;
  const isTooHasty = deadlineMs !== undefined && outcome.code === 'total_timeout';
  return isTooHasty || outcome.code === 'client_gone' ? 'left' : outcome;
}

function howItWent(outcome: Outcome): Ending['outcome'] {
  switch (outcome.kind) {
    case 'complete':
      return 'served';
    case 'aborted':
      return 'left';
    case 'failed':
      return outcome.failure;
  }
}
