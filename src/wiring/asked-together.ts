/**
 * Questions of a kind that come within a short while are asked together: one wakes a thread or a server, and many in a row would
 * cost the loop more than what is asked. Who comes alone is answered at once.
 */
import type { Clock } from '../lib/clock.ts';

export interface AskedTogetherOptions<Question, Answer> {
  readonly clock: Clock;
  /** What may be asked in one go has the same. Of as many kinds as are under way. */
  readonly kindOf: (question: Question) => string;
  /** One answer for each, in their order. */
  readonly ask: (questions: readonly Question[]) => Promise<readonly Answer[]>;
}

/**
 * So many go out at once, and from then on one each so often: whoever comes in between waits for the next. A full one waits for
 * nothing: to keep it back would spare nobody, and where there are several kinds of them the last would come too late.
 */
const atOnceMax = 20;
const everyMs = 50;
/** In one go. */
const togetherMax = 500;

interface Waiting<Question, Answer> {
  readonly question: Question;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (reason: unknown) => void;
}

export class AskedTogether<Question, Answer> {
  readonly #options: AskedTogetherOptions<Question, Answer>;
  /** Of each kind one goes out at a time: the slower the answers, the more are asked in each. */
  readonly #kinds = new Map<string, Waiting<Question, Answer>[]>();
  /** When the next may go out, were none to go at once. */
  #dueMs = 0;

  constructor(options: AskedTogetherOptions<Question, Answer>) {
    this.#options = options;
  }

  ask(question: Question): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const kind = this.#options.kindOf(question);
    const waiting = this.#kinds.get(kind);
    if (waiting !== undefined) waiting.push({ question, resolve, reject });
    else {
      this.#kinds.set(kind, [{ question, resolve, reject }]);
      this.#goSoon(kind);
    }
    return promise;
  }

  /** Whoever came in the same turn goes along. */
  #goSoon(kind: string): void {
    const { clock } = this.#options;
    const nowMs = clock.now();
    const dueMs = Math.max(this.#dueMs, nowMs);
    this.#dueMs = dueMs + everyMs;
    const waitMs = dueMs - nowMs - (atOnceMax - 1) * everyMs;
    if (waitMs > 0) clock.after(waitMs, () => void this.#go(kind));
    else setImmediate(() => void this.#go(kind));
  }

  async #go(kind: string): Promise<void> {
    const waiting = this.#kinds.get(kind) ?? [];
    const asked = waiting.splice(0, togetherMax);
    try {
      const answers = await this.#options.ask(asked.map(({ question }) => question));
      for (const [at, { resolve, reject }] of asked.entries()) {
        const answer = answers[at];
        if (answer === undefined) reject(new Error('there is an answer for each question'));
        else resolve(answer);
      }
    } catch (thrown) {
      for (const { reject } of asked) reject(thrown);
    }
    if (waiting.length >= togetherMax) setImmediate(() => void this.#go(kind));
    else if (waiting.length > 0) this.#goSoon(kind);
    else this.#kinds.delete(kind);
  }
}
