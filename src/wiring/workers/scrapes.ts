/** However many ask for the metrics at once, the workers are asked once: scrapers share the round that is under way. */
export class Scrapes {
  readonly #ask: () => Promise<string>;
  #round: Promise<string> | undefined;

  /** `ask` ends within a time of its own, so that no round is older than that. */
  constructor(ask: () => Promise<string>) {
    this.#ask = ask;
  }

  text(): Promise<string> {
    this.#round ??= this.#ask().finally(() => {
      this.#round = undefined;
    });
    return this.#round;
  }
}
