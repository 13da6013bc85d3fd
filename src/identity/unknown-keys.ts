/**
 * Whether a key that nobody knows here is none. It may have been made elsewhere a moment ago, and only the store can tell:
 * one reading of what has changed tells it of all who came before it began, and few of them begin in a second, however many
 * bad keys come (C14). While the store does not tell, that is our outage and never the caller's mistake (G5).
 */
import { fail } from '../core/failure.ts';
import type { Clock } from '../lib/clock.ts';
import { withinMs } from '../lib/within-ms.ts';

export interface UnknownKeysOptions {
  readonly clock: Clock;
  /** Resolves after a reading of what has changed that began after this was called. Never rejects. */
  readonly read: () => Promise<void>;
}

/** Four readings a second begin for unknown keys; after a quiet while as many at once. */
const readingEveryMs = 250;
const readingsAtOnce = 4;
/** Who was not told by then is told that nobody can tell. */
const waitMsMax = 2_000;
/** For one reading. */
const waitingMax = 4_000;
const retryAfterS = 2;

/** A reading that has not begun. */
interface Turn {
  readonly told: Promise<void>;
  waiting: number;
}

export class UnknownKeys {
  readonly #options: UnknownKeysOptions;
  /** Nobody else can change anything. */
  #isAlone = false;
  #doubted = true;
  #turn: Turn | undefined;
  /** When the next reading would begin if none had ever begun sooner than `readingEveryMs` after another. */
  #evenAtMs = 0;

  constructor(options: UnknownKeysOptions) {
    this.#options = options;
  }

  /** A promise where the key is to be looked up again when that resolves. Nothing where that would tell no more. */
  ask(): Promise<void> | undefined {
    if (this.#doubted || this.#isAlone) return undefined;
    const waitMs = this.#evenAtMs - (readingsAtOnce - 1) * readingEveryMs - this.#options.clock.now();
    if (waitMs <= 0) return this.#read();
    this.#turn ??= this.#openTurn(waitMs);
    if (this.#turn.waiting >= waitingMax) {
      const message = `${waitingMax} keys that are not known here are being asked about; try again shortly`;
      throw unknowable(message);
    }
    this.#turn.waiting += 1;
    return this.#turn.told;
  }

  /** Throws where nobody can tell whether a key that is not known is none. */
  assertTold(): void {
    if (!this.#doubted) return;
    throw unknowable(
      'nobody can tell now whether this key is a right one: the keys in the store are out of reach, or may be out of date; try again shortly',
    );
  }

  /** What there is is known here. */
  confirm({ isAlone }: { readonly isAlone: boolean }): void {
    this.#isAlone = isAlone;
    this.#doubted = false;
  }

  /** The store does not tell what has changed, or may be behind: until the next reading nobody can tell. */
  doubt(): void {
    this.#doubted = true;
  }

  #openTurn(waitMs: number): Turn {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#options.clock.after(waitMs, () => {
      this.#turn = undefined;
      resolve(this.#read());
    });
    return { told: promise, waiting: 0 };
  }

  async #read(): Promise<void> {
    const { clock, read } = this.#options;
    this.#evenAtMs = Math.max(this.#evenAtMs, clock.now()) + readingEveryMs;
    let isRead = false;
    const reading = read().then(() => {
      isRead = true;
    });
    await withinMs(reading, clock, waitMsMax);
    if (!isRead) this.doubt();
  }
}

export function unknowable(message: string): Error {
  return fail('dependency_unavailable', message, { retryAfterS });
}
