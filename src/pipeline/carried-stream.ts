/**
 * One stream to its client, however many targets it takes: where one breaks off, another is asked for the rest, and
 * what it says is joined on. The client has left, the answer has its end, or nobody can go on: only then is it over.
 */
import type { Call } from '../core/call.ts';
import type { Carried, Leg, Renderer } from '../core/carried.ts';
import type { Planned, Target } from '../core/exchange.ts';
import { asFailure, type Failure, type FailureCode, fail } from '../core/failure.ts';
import { headerText } from '../core/header-text.ts';
import type { Part } from '../core/part.ts';
import { Signal } from '../core/signal.ts';
import type { Handler, Outcome, Reply, Sink, StreamSource } from '../core/stage.ts';
import type { AttemptRecord } from '../core/trail.ts';
import type { CarryOnOptions } from './carry-on.ts';
import { HeldAnswer, tokensLeft } from './held-answer.ts';
import { SeamJoint } from './joint.ts';
import { leaveTry } from './leave-try.ts';
import { LineComments, takesComments } from './line-comments.ts';
import { replyFacts } from './reply-facts.ts';
import { type Cut, cutBack } from './seam.ts';

export interface CarriedStreamOptions {
  readonly exchange: Planned;
  readonly next: Handler<Planned>;
  readonly options: CarryOnOptions;
}

/** The server is there, and may do better the next time. One that hangs, or is drained, is not asked again. */
const againCodes: ReadonlySet<FailureCode> = new Set([
  'upstream_cut',
  'upstream_failed',
  'bad_upstream_response',
]);
/** What nobody else could do better says itself what the client has to know. */
const finalCodes: ReadonlySet<FailureCode> = new Set([
  'budget_exceeded',
  'dependency_unavailable',
  'server_draining',
  'total_timeout',
  'response_too_large',
]);

const nobody: ReadonlySet<string> = new Set();

interface Way {
  readonly candidates: readonly Target[];
  readonly visited: ReadonlySet<string>;
}

/** Where the answer broke off, and what it takes to go on. */
interface Break {
  readonly failure: Failure;
  readonly cut: Cut;
  readonly way: Way;
  readonly atMs: number;
  readonly atChars: number;
  readonly from: Served;
}

/** Who said what came last, as the trail has it. */
interface Served {
  readonly upstream: string;
  readonly targetModel: string;
  readonly sentMs: number;
  readonly outputSeen: number;
}

export class CarriedStream implements StreamSource, Carried {
  readonly ended: Promise<Outcome>;
  joint: SeamJoint | undefined = undefined;
  /** Among the streams on their way. */
  at = -1;
  readonly #given: CarriedStreamOptions;
  readonly #settle: (outcome: Outcome) => void;
  readonly #visited = new Set<string>();
  /** Those who were asked to go on and said something else. */
  readonly #refused = new Set<string>();
  #held = new HeldAnswer();
  #tries = 0;
  #render: Renderer | undefined = undefined;
  #reading: Leg | undefined = undefined;
  #broken: Break | undefined = undefined;
  /** Tells whoever is asked to go on that nobody reads it any more. */
  #leaving: Signal | undefined = undefined;
  #sink: Sink | undefined = undefined;
  /** Whoever is read now; nobody between two legs. */
  #leg: StreamSource | undefined = undefined;
  /** What was said before the client began to read. */
  #unread: StreamSource[] = [];
  #lastWords: Buffer | undefined = undefined;
  #paused = false;
  #isAborted = false;
  #isOver = false;

  constructor(given: CarriedStreamOptions) {
    this.#given = given;
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.ended = promise;
    this.#settle = resolve;
  }

  /** The reply as the client sees it. */
  reply(first: Reply): Reply {
    if (first.body instanceof Uint8Array) return first;
    this.#given.options.streams.enter(this);
    this.#follow(first.body, first);
    return { ...first, body: this, ended: this.ended };
  }

  get upstream(): string {
    return this.#given.exchange.trail.upstream;
  }

  /** Has the rest said elsewhere, where that can be: nothing is broken off for nothing. */
  move(why: Failure): boolean {
    const isBetween = this.#leg === undefined || this.#broken !== undefined;
    if (isBetween || this.#reading === undefined) return false;
    const way = this.#breakAt(why)?.way;
    const { isWell } = this.#given.options;
    if (way?.candidates.some(({ upstream }) => !way.visited.has(upstream.name) && isWell(upstream)) !== true)
      return false;
    this.#reading.breakOff(why);
    return true;
  }

  start(sink: Sink): void {
    this.#sink = sink;
    const unread = this.#unread;
    this.#unread = [];
    for (const leg of unread) leg.start(sink);
    if (this.#lastWords !== undefined) this.#say(sink, this.#lastWords);
  }

  pause(): void {
    this.#paused = true;
    this.#leg?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#leg?.resume();
  }

  abort(): void {
    this.#isAborted = true;
    if (this.#leg === undefined) this.#leaving?.abort();
    else this.#leg.abort();
  }

  opened(leg: Leg, render: Renderer | undefined): void {
    this.#reading = leg;
    if (this.joint !== undefined) return;
    this.#held = new HeldAnswer();
    this.#render = render;
  }

  heard(part: Part): void {
    if (this.#held.isWhole) this.#held.hear(part);
  }

  passed(bytes: Uint8Array, usageOnly: boolean): void {
    this.#held.passed(bytes, usageOnly);
  }

  takesOver(failure: Failure): boolean {
    const { trail, meter } = this.#given.exchange;
    const broken = this.#breakAt(failure);
    if (broken === undefined || !this.#given.options.isAllowed(this.#given.exchange, failure)) return false;
    this.#broken = broken;
    this.#visited.add(trail.upstream);
    // What it told of its usage on the way is not all that it came to.
    trail.usage = undefined;
    meter?.carryOn();
    return true;
  }

  #breakAt(failure: Failure): Break | undefined {
    const { exchange, options } = this.#given;
    const { trail, signal } = exchange;
    if (!failure.retry || signal.aborted || !this.#held.isWhole || this.#held.text === '') return undefined;
    const visited = new Set(this.#visited).add(trail.upstream);
    const way = this.#wayOn(failure.code, visited);
    const cut = way === undefined ? undefined : cutOrNothing(this.#held.text);
    if (way === undefined || cut === undefined) return undefined;
    const { upstream, targetModel, sentMs, outputSeen } = trail;
    const from = { upstream, targetModel, sentMs, outputSeen };
    return { failure, cut, way, from, atMs: options.clock.now(), atChars: this.#held.text.length };
  }

  /** Others first; where there are none, whoever is well again. */
  #wayOn(broke: FailureCode, visited: ReadonlySet<string>): Way | undefined {
    const { exchange, options } = this.#given;
    if (this.#tries >= options.triesMax) return undefined;
    const able = candidatesOf(exchange).filter(
      (target) => options.isOpen(target.upstream) && options.goesOn(exchange, target),
    );
    if (able.some(({ upstream }) => !visited.has(upstream.name))) return { candidates: able, visited };
    if (!againCodes.has(broke)) return undefined;
    // Who said something else will say it again, unless it draws lots.
    const isDone = (name: string) => this.#refused.has(name) && !isDrawn(exchange.call);
    const well = able.filter(({ upstream }) => options.isWell(upstream) && !isDone(upstream.name));
    return well.length === 0 ? undefined : { candidates: well, visited: nobody };
  }

  #follow(leg: StreamSource, reply: Reply): void {
    this.#leg = leg;
    if (this.#isAborted) leg.abort();
    else if (this.#sink === undefined) this.#unread.push(leg);
    else leg.start(this.#sink);
    if (this.#paused) leg.pause();
    void reply.ended.then((outcome) => {
      this.#leg = undefined;
      const broken = this.#broken;
      this.#broken = undefined;
      if (this.#isAborted) this.#end({ kind: 'aborted' });
      else if (broken === undefined) this.#end(outcome);
      else void this.#goOn(broken);
    });
  }

  async #goOn(broken: Break): Promise<void> {
    const { exchange, next } = this.#given;
    const { trail } = exchange;
    const signal = new Signal();
    this.#leaving = signal;
    exchange.signal.onAbort(() => signal.abort());
    const comments = this.#tellWhileItWaits();
    let way: Way | undefined = broken.way;
    let failure = broken.failure;
    while (way !== undefined && !signal.aborted) {
      this.#tries += 1;
      const before = trail.attempts.length;
      let asked = exchange;
      try {
        // Theirs who broke off is kept: nothing is sent yet.
        trail.sentMs = 0;
        trail.outputSeen = 0;
        const call = this.#callFor(broken);
        asked = { ...exchange, call, carried: this };
        const reply = await next({ ...asked, ...way, signal, fallbacks: [] });
        comments?.stop();
        this.#join(reply, broken);
        return;
      } catch (thrown) {
        failure = asFailure(thrown);
        leaveTry(asked, failure);
        this.#learn(trail.attempts.slice(before));
        way = failure.retry ? this.#wayOn(broken.failure.code, this.#visited) : undefined;
      }
    }
    comments?.stop();
    this.#giveUp(broken, failure);
  }

  /** It may have to wait for a slot as any other, and its client has its head already. */
  #tellWhileItWaits(): LineComments | undefined {
    const { exchange, options } = this.#given;
    exchange.trail.lineHeld = true;
    if (!takesComments(exchange.endpoint)) return undefined;
    const comments = new LineComments(options, exchange.trail);
    comments.each(() => this.#comment(comments.next()));
    return comments;
  }

  /** Whoever does not read needs none. */
  #comment(bytes: Buffer): void {
    if (this.#sink === undefined || this.#paused || this.#isAborted) return;
    this.#given.exchange.trail.bytesOut += bytes.length;
    this.#paused = !this.#sink.write(bytes);
  }

  #learn(failed: readonly AttemptRecord[]): void {
    for (const { upstream, code } of failed) {
      this.#visited.add(upstream);
      if (code === 'not_continued') this.#refused.add(upstream);
    }
  }

  /** The client's call, of which only the rest is wanted. */
  #callFor({ cut }: Break): Call {
    const { exchange } = this.#given;
    const { call } = exchange;
    if (call.kind === 'embed') return call;
    const { reasoning, tokens } = this.#held;
    const tokensAgain = this.#held.piecesWithin(cut.again.length);
    const hadTokens = this.#held.tokenCount;
    const left = tokensLeft(call, hadTokens - tokensAgain);
    if (left !== undefined && left <= tokensAgain) {
      throw fail('not_continued', 'all was said that may be said, and its end did not come');
    }
    this.#render ??= this.#primed();
    this.joint = new SeamJoint({ again: cut.again, hadTokens, render: this.#render });
    const sampling = left === undefined ? call.sampling : { ...call.sampling, maxTokens: left };
    const begun = { text: cut.kept, again: cut.again, tokensAgain, reasoning, tokens };
    return { ...call, sampling, begun };
  }

  /** Where events passed as they came, there was nothing to write with: it has to know what was written. */
  #primed(): Renderer {
    const { exchange, options } = this.#given;
    const facts = replyFacts({ exchange, options });
    const { head } = this.#held;
    const model = typeof head?.['model'] === 'string' ? head['model'] : facts.model;
    const render = exchange.endpoint.openRenderer({
      ...facts,
      model,
      ...(head === undefined ? {} : { head }),
    });
    render({ type: 'text-delta', text: this.#held.text });
    return render;
  }

  #join(reply: Reply, { from, failure, atMs, atChars }: Break): void {
    const { exchange, options } = this.#given;
    const { trail } = exchange;
    const { joint } = this;
    if (reply.body instanceof Uint8Array || joint === undefined)
      throw fail('internal', 'the rest of a stream came as a whole');
    trail.carriedOn ??= [];
    trail.carriedOn.push({
      upstream: from.upstream,
      model: from.targetModel,
      toUpstream: trail.upstream,
      toModel: trail.targetModel,
      code: failure.code,
      atChars,
      atTokens: joint.hadTokens,
      tokensAgain: joint.tokensAgain,
      tookMs: options.clock.now() - atMs,
    });
    options.onCarriedOn(trail);
    if (options.comment && takesComments(exchange.endpoint)) {
      this.#comment(Buffer.from(`: carried on by ${headerText(trail.upstream)}\n\n`));
    }
    this.#follow(reply.body, reply);
  }

  #giveUp({ from, failure: first }: Break, last: Failure): void {
    const { route, trail, signal } = this.#given.exchange;
    // What was said was said by those who said it, and has to be paid for.
    Object.assign(trail, from, { usage: undefined });
    if (signal.aborted || this.#isAborted) {
      this.#end({ kind: 'aborted' });
      return;
    }
    const message = `${first.message}; it could not be gone on with: ${last.message}`;
    const failure = finalCodes.has(last.code) ? last : first === last ? first : first.with({ message });
    trail.failure = failure;
    const lastWords = Buffer.from(route.voice.renderStreamFailure(failure, trail.id));
    trail.bytesOut += lastWords.length;
    this.#end({ kind: 'failed', failure });
    void this.#given.options.written().then(() => {
      this.#lastWords = lastWords;
      if (this.#sink !== undefined) this.#say(this.#sink, lastWords);
    });
  }

  #say(sink: Sink, lastWords: Buffer): void {
    sink.write(lastWords);
    sink.end();
  }

  #end(outcome: Outcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#given.options.streams.leave(this);
    this.#settle(outcome);
  }
}

/** Those who have the model that began it: no other goes on with what a model's stand-in said. */
function candidatesOf({ candidates, fallbacks, trail }: Planned): readonly Target[] {
  const served = ({ upstream, model }: Target) =>
    upstream.name === trail.upstream && model === trail.targetModel;
  return fallbacks.find(({ targets }) => targets.some(served))?.targets ?? candidates;
}

function cutOrNothing(text: string): Cut | undefined {
  try {
    return cutBack(text);
  } catch {
    // Nobody could tell whether it is gone on with: the failure that broke it off is what the client is told.
    return undefined;
  }
}

/** Whether the same model would say it otherwise another time. */
function isDrawn(call: Call): boolean {
  return call.kind !== 'embed' && call.sampling.temperature !== 0 && call.sampling.seed === undefined;
}
