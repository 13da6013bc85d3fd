/**
 * Tells everything that waits that the exchange is over for its client.
 * Not an AbortSignal: one of those costs more than the rest of an exchange's bookkeeping together.
 */
export class Signal {
  aborted = false;
  /**
   * In the order in which they came. Not an array: where those of the first requests live long, V8 makes every later one among
   * the old objects, and each keeps the whole exchange that listens until those are collected.
   */
  #first: Listener | undefined;
  #last: Listener | undefined;

  /** Calls `listener` once when aborted; at once when that has happened already. */
  onAbort(listener: () => void): void {
    if (this.aborted) {
      listener();
      return;
    }
    const added = new Listener(listener);
    if (this.#last === undefined) this.#first = added;
    else this.#last.next = added;
    this.#last = added;
  }

  abort(): void {
    if (this.aborted) return;
    this.aborted = true;
    let listener = this.#first;
    this.#first = undefined;
    this.#last = undefined;
    for (; listener !== undefined; listener = listener.next) listener.run();
  }
}

class Listener {
  readonly run: () => void;
  next: Listener | undefined = undefined;

  constructor(run: () => void) {
    this.run = run;
  }
}
