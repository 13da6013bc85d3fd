/**
 * One call upstream whose answer several equal requests are given. It is nobody's own: whoever leaves only leaves, and it ends
 * with the last. Whoever came first carries it: it is written down in its trail, and it pays.
 */
import type { Planned, Voice } from '../core/exchange.ts';
import { asFailure, type Failure, type FailureCode, fail } from '../core/failure.ts';
import { Signal } from '../core/signal.ts';
import {
  type Handler,
  type Outcome,
  onEnded,
  type Reply,
  type StreamSource,
  wholeReply,
} from '../core/stage.ts';
import type { Standing } from '../core/standing.ts';
import type { Trail } from '../core/trail.ts';
import type { Clock } from '../lib/clock.ts';
import { FlightMember } from './flight-member.ts';
import { headersAgain } from './reply-facts.ts';
import { SharedStream } from './shared-stream.ts';

export interface FlightOptions {
  readonly clock: Clock;
  /** How many are given the answer of another at most. */
  readonly waitersMax: number;
  /** So much of a stream is kept for those who come late. Past that, nobody joins. */
  readonly bytesMax: number;
  /** Writes into the trail of one who was given another's answer what that saved. */
  readonly priceShared: (trail: Trail, of: Trail) => void;
}

/** What all flights have in common. */
interface FlightGiven {
  readonly options: FlightOptions;
  readonly next: Handler<Planned>;
  /** What the streams of all flights keep together. */
  readonly held: { bytes: number };
}

/** Where whoever asks the same finds it. */
interface FlightPlace {
  /** It is over: whoever comes now begins another. */
  leave(): void;
}

/** What one request fails for, and others that are equal need not: its own limits, its own money, its own time. */
const ofOne: ReadonlySet<FailureCode> = new Set([
  'client_gone',
  'rate_limited',
  'budget_exceeded',
  'dependency_unavailable',
  'queue_full',
  'queue_timeout',
]);

export class Flight {
  readonly #given: FlightGiven;
  readonly #place: FlightPlace;
  /** Those that are still there, in the order in which they came. */
  readonly #members = new Set<FlightMember>();
  readonly #signal = new Signal();
  /** Of an answer that comes as a stream. */
  #stream: SharedStream | undefined;
  /** Who carries it. It may have left. */
  #first: FlightMember | undefined;
  /** The head of a stream, once it is there. */
  #head: Reply | undefined;
  #joinUntilMs = 0;
  /** Its stream broke before any content, and for whoever carried it alone: another goes on. */
  #isPassedOn = false;
  /** What broke its stream, perhaps before anybody was given its head: all of it may come in one piece. */
  #brokeBy: Failure | undefined;
  #isOver = false;

  constructor(given: FlightGiven, place: FlightPlace) {
    this.#given = given;
    this.#place = place;
  }

  /** Whether one more may join. Who came when most of its time is over would have little of its own. */
  get takes(): boolean {
    const { clock, waitersMax } = this.#given.options;
    const isOpen = !this.#isOver && this.#stream?.isWhole !== false;
    return isOpen && this.#members.size <= waitersMax && clock.now() < this.#joinUntilMs;
  }

  begin(exchange: Planned): Promise<Reply> {
    const member = this.#enter(exchange);
    // Those who said nothing of their time have the model's, by which the call itself goes.
    if (exchange.deadlineMs !== undefined) this.#watch(member, endOf(member));
    this.#carryBy(member, 0);
    return member.reply;
  }

  /** Whoever is still asked whether the limits let it in is given nothing before that is known. */
  join(exchange: Planned): Promise<Reply> {
    const member = this.#enter(exchange);
    this.#watch(member, Math.min(endOf(member), member.joinedMs + exchange.clocks.queueMs));
    if (this.#head !== undefined && this.#stream !== undefined) this.#give(member, this.#head, this.#stream);
    const { admission } = exchange;
    if (admission === undefined) return member.reply;
    admission.catch((refusal: unknown) => {
      if (member !== this.#first) this.#leave(member, asFailure(refusal));
    });
    return Promise.all([member.reply, admission]).then(([reply]) => reply);
  }

  #enter(exchange: Planned): FlightMember {
    const member = new FlightMember(exchange, this.#given.options.clock.now());
    this.#members.add(member);
    exchange.signal.onAbort(() => this.#leave(member, gone()));
    return member;
  }

  /** By the clocks of the model: what one of them says of its time is not for the others. */
  #carryBy(member: FlightMember, waitedMs: number): void {
    const { exchange } = member;
    const { trail, sharedClocks } = exchange;
    this.#first = member;
    this.#isPassedOn = false;
    this.#joinUntilMs = trail.startedMs + sharedClocks.totalMs / 2;
    const queueMs = Math.max(1, sharedClocks.queueMs - waitedMs);
    const clocks = waitedMs === 0 ? sharedClocks : { ...sharedClocks, queueMs };
    const carried = { ...exchange, clocks, signal: this.#signal, route: this.#routeOf(member) };
    this.#given
      .next(carried)
      .then((reply) => this.#answered(member, reply))
      .catch((thrown: unknown) => this.#refused(member, asFailure(thrown)));
  }

  /** What breaks a stream is told here first. A whole answer does not break. */
  #routeOf(member: FlightMember): Planned['route'] {
    const { route, call } = member.exchange;
    if (!call.stream) return route;
    return { ...route, voice: new ToldVoice(route.voice, (failure) => this.#broke(member, failure)) };
  }

  #answered(first: FlightMember, reply: Reply): void {
    const { body } = reply;
    if (body instanceof Uint8Array) this.#answeredWhole(first, reply, body);
    else this.#answeredStream(first, reply, body);
  }

  #answeredWhole(first: FlightMember, reply: Reply, body: Uint8Array): void {
    if (this.#head !== undefined) throw fail('internal', 'a stream that had begun was answered whole');
    this.#close();
    const { trail } = first.exchange;
    for (const member of this.#others(first)) {
      this.#tell(member, trail, 'complete');
      member.answer(wholeReply(reply.status, headersAgain(reply.headers, shared), body));
    }
    if (first.left === undefined) first.answer(reply);
    else first.conclude();
    this.#members.clear();
  }

  #answeredStream(first: FlightMember, reply: Reply, body: StreamSource): void {
    const { options, held } = this.#given;
    this.#stream ??= new SharedStream({ bytesMax: options.bytesMax, held });
    const stream = this.#stream;
    stream.follow(body, () => {
      if (!this.#isPassedOn) stream.finish();
    });
    onEnded(reply, (outcome) => this.#ended(first, outcome));
    if (this.#head !== undefined) return;
    this.#head = reply;
    for (const member of this.#members) this.#give(member, reply, stream);
  }

  #give(member: FlightMember, head: Reply, stream: SharedStream): void {
    const reading = stream.open({
      left: () => this.#leave(member, gone()),
      tooSlow: () => this.#leave(member, tooSlow()),
    });
    const headers = member === this.#first ? head.headers : headersAgain(head.headers, shared);
    member.give({ status: head.status, headers }, reading);
    if (this.#brokeBy !== undefined) member.lastWords(this.#brokeBy);
  }

  /** Told before anybody is told that the stream has ended. */
  #broke(first: FlightMember, failure: Failure): void {
    const hasContent = first.exchange.trail.firstContentMs > 0;
    if (!hasContent && ofOne.has(failure.code) && this.#others(first).length > 0) {
      this.#isPassedOn = true;
      return;
    }
    this.#brokeBy = failure;
    if (this.#head === undefined) return;
    for (const member of this.#members) member.lastWords(failure);
  }

  #ended(first: FlightMember, outcome: Outcome): void {
    if (this.#isPassedOn) {
      const failure = outcome.kind === 'failed' ? outcome.failure : gone();
      this.#passOn(first, failure);
      return;
    }
    this.#close();
    const { trail } = first.exchange;
    for (const member of this.#others(first)) {
      this.#tell(member, trail, outcome.kind);
      member.end(outcome);
    }
    if (first.left === undefined) first.end(outcome);
    else first.conclude();
    this.#members.clear();
  }

  #refused(first: FlightMember, failure: Failure): void {
    if (ofOne.has(failure.code)) {
      this.#passOn(first, failure);
      return;
    }
    this.#close();
    for (const member of this.#others(first)) {
      member.exchange.trail.sharedFrom = first.exchange.trail.id;
      member.refuse(failure);
    }
    endFirst(first, failure);
    this.#members.clear();
  }

  /** One of the others goes on in its place, and not all of them: whoever came last has the most time left. */
  #passOn(first: FlightMember, failure: Failure): void {
    this.#members.delete(first);
    endFirst(first, failure);
    const next = [...this.#members].at(-1);
    if (next === undefined) this.#close();
    else this.#carryBy(next, this.#given.options.clock.now() - next.joinedMs);
  }

  #leave(member: FlightMember, failure: Failure): void {
    if (!this.#members.delete(member)) {
      // Of what is over it may still have something to read.
      member.reading?.breakOff();
      return;
    }
    member.leave(failure, member === this.#first);
    if (this.#members.size > 0) return;
    this.#close();
    this.#signal.abort();
  }

  /** Each goes by its own clocks: that of the whole answer, and that of the queue, while the call stands there. */
  #watch(member: FlightMember, atMs: number): void {
    const { clock } = this.#given.options;
    member.timer = clock.after(Math.max(0, atMs - clock.now()), () => {
      const isOver = clock.now() >= endOf(member);
      if (this.#isQueued && (isOver || member !== this.#first))
        this.#leave(member, queuedTooLong(member, clock.now()));
      else if (isOver) this.#leave(member, tooLong(member));
      else this.#watch(member, endOf(member));
    });
  }

  /** A stream that broke off may wait for a slot again: whoever reads it has its answer, and is not in the queue for one. */
  get #isQueued(): boolean {
    const trail = this.#first?.exchange.trail;
    return trail?.place !== undefined && trail.firstContentMs === 0;
  }

  #others(first: FlightMember): readonly FlightMember[] {
    if (this.#members.size === 0 || (this.#members.size === 1 && this.#members.has(first))) return none;
    return [...this.#members].filter((member) => member !== first);
  }

  /** What one who was given the answer of another knows of it. */
  #tell({ exchange, joinedMs }: FlightMember, of: Trail, outcome: Outcome['kind']): void {
    const { trail, transcript } = exchange;
    trail.sharedFrom = of.id;
    trail.model = of.model;
    trail.stop = of.stop;
    trail.bytesOut = of.bytesOut;
    if (of.firstContentMs > 0) trail.firstContentMs = Math.max(of.firstContentMs, joinedMs);
    trail.warn(of.warnings);
    transcript?.add(this.#first?.exchange.transcript?.text ?? '');
    if (outcome !== 'complete') return;
    of.sharedWith += 1;
    this.#given.options.priceShared(trail, of);
  }

  #close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stream?.seal();
    this.#place.leave();
  }
}

/** Writes nothing of what breaks a stream: that is told to each in words of its own. */
class ToldVoice implements Voice {
  readonly dialect: Voice['dialect'];
  readonly #voice: Voice;
  readonly #broke: (failure: Failure) => void;

  constructor(voice: Voice, broke: (failure: Failure) => void) {
    this.dialect = voice.dialect;
    this.#voice = voice;
    this.#broke = broke;
  }

  renderFailure(failure: Failure, id: string): ReturnType<Voice['renderFailure']> {
    return this.#voice.renderFailure(failure, id);
  }

  renderStanding(standing: Standing): readonly string[] {
    return this.#voice.renderStanding(standing);
  }

  renderStreamFailure(failure: Failure): string {
    this.#broke(failure);
    return '';
  }
}

const none: readonly FlightMember[] = [];

function endFirst(first: FlightMember, failure: Failure): void {
  if (first.left === undefined) first.refuse(failure);
  else first.conclude();
}

function endOf({ exchange }: FlightMember): number {
  return exchange.trail.startedMs + exchange.clocks.totalMs;
}

function gone(): Failure {
  return fail('client_gone', 'the client left before the answer was complete');
}

function tooLong({ exchange }: FlightMember): Failure {
  return fail('total_timeout', `the answer was not complete after ${exchange.clocks.totalMs} ms`);
}

function queuedTooLong({ joinedMs }: FlightMember, nowMs: number): Failure {
  const waitedMs = Math.round(nowMs - joinedMs);
  return fail('queue_timeout', `no slot became free within ${waitedMs} ms`, { retryAfterS: 1 });
}

function tooSlow(): Failure {
  return fail('reader_too_slow', 'the answer was read too slowly: what was not read of it could not be kept');
}

const shared: readonly string[] = ['x-millrace-shared', 'true'];
