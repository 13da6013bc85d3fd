/**
 * Tells everything that waits that the exchange is over for its client.
 * Not an AbortSignal: one of those costs more than the rest of an exchange's bookkeeping together.
 */
export class Signal {
  aborted = false;
  #listeners: Array<() => void> | undefined;

  /** Calls `listener` once when aborted; at once when that has happened already. */
  onAbort(listener: () => void): void {
    if (this.aborted) {
      listener();
      return;
    }
    this.#listeners ??= [];
    this.#listeners.push(listener);
  }

  abort(): void {
    if (this.aborted) return;
    this.aborted = true;
    const listeners = this.#listeners;
    this.#listeners = undefined;
    if (listeners !== undefined) for (const listener of listeners) listener();
  }
}
