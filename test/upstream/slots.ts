/** The concurrency of a fake model: how many run, and who waits in which order. */
export class Slots {
  #taken = 0;
  readonly #waiting = new Set<() => void>();

  /** Takes a slot at once, or not at all. */
  tryTake(limit: number): boolean {
    if (this.#taken >= limit) return false;
    this.#taken += 1;
    return true;
  }

  /** Takes a slot when one is free, first come first served; rejects when the signal aborts first. */
  async take(limit: number, signal: AbortSignal): Promise<void> {
    while (!this.tryTake(limit)) await this.#turn(signal);
  }

  free(): void {
    this.#taken -= 1;
    const [next] = this.#waiting;
    next?.();
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.delete(go);
        signal.removeEventListener('abort', abort);
      };
      const go = () => {
        leave();
        resolve();
      };
      const abort = () => {
        leave();
        reject(signal.reason);
      };
      signal.throwIfAborted();
      this.#waiting.add(go);
      signal.addEventListener('abort', abort);
    });
  }
}
