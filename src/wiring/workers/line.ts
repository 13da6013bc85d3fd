/**
 * Questions and answers between the primary and one worker, over the channel that a forked process has to whoever forked
 * it. Bounded: so many wait for an answer at once, and none for longer than its time.
 */
import { asFailure, type FailureCode, type FailureDetails, fail, failures } from '../../core/failure.ts';
import type { Clock, Timer } from '../../lib/clock.ts';

/** What can be asked, by its name: what goes with it, and what comes back. */
export type Questions = Readonly<Record<string, { readonly given: unknown; readonly answer: unknown }>>;

export type Answers<Asked> = {
  readonly [Kind in keyof Asked]: Asked[Kind] extends { given: infer Given; answer: infer Answer }
    ? (given: Given) => Answer extends undefined ? void : Answer | Promise<Answer>
    : never;
};

/** A process as the other sees it. */
export interface Channel {
  send?(message: unknown, handle: undefined, options: undefined, done: Done): unknown;
  on(event: 'message', hear: (message: unknown) => void): unknown;
}

type Done = (trouble: Error | null) => void;

export interface LineOptions<Theirs> {
  readonly channel: Channel;
  readonly clock: Clock;
  /** To what the other asks. */
  readonly answers: Answers<Theirs>;
}

const answerMs = 5_000;
const waitingMax = 256;

type Message =
  | { readonly id: number; readonly kind: string; readonly given: unknown }
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly fault: Fault };

/** An error loses what makes it one on its way: this is what others go by. */
interface Fault {
  readonly message: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (reason: Error) => void;
  readonly timer: Timer;
}

export class Line<Mine extends Questions, Theirs extends Questions> {
  readonly #options: LineOptions<Theirs>;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #isCut = false;

  constructor(options: LineOptions<Theirs>) {
    this.#options = options;
    options.channel.on('message', (message) => this.#hear(message as Message));
  }

  /** Rejects with what the other threw, or where it does not answer in time. */
  ask<Kind extends keyof Mine & string>(
    kind: Kind,
    given: Mine[Kind]['given'],
    timeoutMs = answerMs,
  ): Promise<Mine[Kind]['answer']> {
    if (this.#isCut) return Promise.reject(gone());
    if (this.#waiting.size >= waitingMax) return Promise.reject(full());
    this.#lastId += 1;
    const id = this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const timer = this.#options.clock.after(timeoutMs, () => this.#reject(id, late(kind, timeoutMs)));
    this.#waiting.set(id, { resolve, reject, timer });
    try {
      this.#send({ id, kind, given });
    } catch (thrown) {
      // What cannot be copied is not sent: nobody will answer.
      this.#reject(id, errorFrom(thrown));
    }
    return promise;
  }

  /** The other is no more: nothing will come. */
  cut(): void {
    this.#isCut = true;
    for (const id of [...this.#waiting.keys()]) this.#reject(id, gone());
  }

  #send(message: Message): void {
    // What cannot be sent is not answered: whoever asked is told by the end of the other, or by the clock.
    this.#options.channel.send?.(message, undefined, undefined, () => {});
  }

  #hear(message: Message): void {
    if ('kind' in message) void this.#answer(message);
    else if ('fault' in message) this.#reject(message.id, errorOf(message.fault));
    else this.#take(message.id)?.resolve(message.answer);
  }

  async #answer({ id, kind, given }: Extract<Message, { kind: string }>): Promise<void> {
    try {
      const answer = (this.#options.answers as Answers<Questions>)[kind];
      if (answer === undefined) throw new TypeError(`nobody here answers "${kind}"`);
      this.#send({ id, answer: await answer(given) });
    } catch (thrown) {
      this.#send({ id, fault: faultOf(thrown) });
    }
  }

  #reject(id: number, reason: Error): void {
    this.#take(id)?.reject(reason);
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiting?.timer.cancel();
    return waiting;
  }
}

/** What the system and our own failures tell besides their message. */
const told = [
  'name',
  'code',
  'syscall',
  'address',
  'port',
  'path',
  'stack',
  'status',
  'param',
  'retryAfterS',
  'allow',
] as const;

function errorFrom(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : asFailure(thrown);
}

function faultOf(thrown: unknown): Fault {
  const error = errorFrom(thrown);
  const facts = told.flatMap((key) => {
    const value = (error as { readonly [Key in typeof key]?: unknown })[key];
    return value === undefined ? [] : [[key, value] as const];
  });
  return { message: error.message, facts: Object.fromEntries(facts) };
}

function errorOf({ message, facts }: Fault): Error {
  const { code } = facts;
  if (typeof code === 'string' && Object.hasOwn(failures, code))
    return fail(code as FailureCode, message, facts as FailureDetails);
  return Object.assign(new Error(message), facts);
}

function gone(): Error {
  return fail('dependency_unavailable', 'the process that was to answer has ended', { retryAfterS: 1 });
}

function late(kind: string, timeoutMs: number): Error {
  const message = `the process that was to answer "${kind}" has not within ${timeoutMs} ms`;
  return fail('dependency_unavailable', message, { retryAfterS: 1 });
}

function full(): Error {
  return fail(
    'dependency_unavailable',
    `${waitingMax} questions to this process wait for an answer already`,
    {
      retryAfterS: 1,
    },
  );
}
