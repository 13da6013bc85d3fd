/** Counts the exchanges of each configuration, so that what they use is let go of when the last of them has ended. */
import type { Received } from '../core/exchange.ts';
import { type Handler, onEnded, type Reply } from '../core/stage.ts';

interface Generation {
  serving: number;
  release: () => void;
}

const nothing = () => {};

export class Generations {
  /** Oldest first. All but the last wait for their exchanges. */
  readonly #all: Generation[] = [];

  /** Counts what `handler` serves from now on. `release` runs when nothing that began before is left. */
  begin(handler: Handler<Received>, release: () => void): Handler<Received> {
    const before = this.#all.at(-1);
    if (before !== undefined) before.release = release;
    const generation: Generation = { serving: 0, release: nothing };
    this.#all.push(generation);
    this.#sweep();
    const ended = () => {
      generation.serving -= 1;
      this.#sweep();
    };
    const answered = (reply: Reply) => {
      onEnded(reply, ended);
      return reply;
    };
    const broken = (mistake: unknown): never => {
      ended();
      throw mistake;
    };
    return (exchange) => {
      generation.serving += 1;
      return handler(exchange).then(answered, broken);
    };
  }

  /** In order: what the second has let go of may still be in use by the first. */
  #sweep(): void {
    while (this.#all.length > 1 && this.#all[0]?.serving === 0) this.#all.shift()?.release();
  }
}
