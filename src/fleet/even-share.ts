/** What an even share has come to so far, in tokens: what was given, divided between those who wait or work at the time. */

/** Whoever asks for nothing keeps what an even share came to in the last ten to twenty seconds, and no more. */
const keptMs = 10_000;

export class EvenShare {
  /** Whoever was given less goes first. */
  now = 0;
  /** What everybody counts as having been given at least. */
  least = 0;
  /** What whoever has most was given, of those who were given anything lately. */
  most = 0;
  #mostNow = 0;
  #next = 0;
  #sinceMs = Number.NEGATIVE_INFINITY;

  /** `parties`: by their weights; `had`, `has`: what whoever was given them had before, and has then. */
  given(tokens: number, parties: number, { had, has }: { had: number; has: number }): void {
    this.now += tokens / (parties || 1);
    // Who had most because too much was expected of its requests has it no more.
    if (has < had && had >= this.most) this.most = has;
    if (has < had && had >= this.#mostNow) this.#mostNow = has;
    this.#mostNow = Math.max(this.#mostNow, has);
    this.most = Math.max(this.most, has);
  }

  /** Less than an even share, and less than somebody else. */
  isBelow(has: number): boolean {
    return has <= this.now && (has < this.most || has <= this.least);
  }

  reset(): void {
    this.now = 0;
    this.least = 0;
    this.most = 0;
    this.#mostNow = 0;
    this.#next = 0;
    this.#sinceMs = Number.NEGATIVE_INFINITY;
  }

  tick(nowMs: number): void {
    if (nowMs - this.#sinceMs < keptMs) return;
    this.least = this.#next;
    this.#next = this.now;
    this.most = this.#mostNow;
    this.#mostNow = 0;
    this.#sinceMs = nowMs;
  }
}
