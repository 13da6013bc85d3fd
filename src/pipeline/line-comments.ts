/** Comments in a stream of events that say where its request stands, so that nothing on the way takes silence for an end. */
import type { Endpoint } from '../core/exchange.ts';
import type { Trail } from '../core/trail.ts';
import type { Clock, Timer } from '../lib/clock.ts';

export interface LineOptions {
  readonly clock: Clock;
  /** After so long the head is sent, and a comment each time again. */
  readonly commentAfterMs: number;
  /** Resolves when what ends in this turn is written down: only then its last words leave (G21). */
  readonly written: () => Promise<void>;
}

export function takesComments({ streamType }: Endpoint): boolean {
  return streamType.startsWith('text/event-stream');
}

export class LineComments {
  readonly #options: LineOptions;
  readonly #trail: Trail;
  #timer: Timer | undefined;

  constructor(options: LineOptions, trail: Trail) {
    this.#options = options;
    this.#trail = trail;
  }

  /** Until it is stopped. */
  each(run: () => void): void {
    const { clock, commentAfterMs } = this.#options;
    this.#timer = clock.after(commentAfterMs, () => {
      this.each(run);
      run();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  next(): Buffer {
    return Buffer.from(`: ${standing(this.#trail)}\n\n`);
  }
}

function standing(trail: Trail): string {
  const place = trail.place?.();
  if (place === undefined) {
    return trail.loading ? 'a server loads the model' : 'a server has it, and has said nothing yet';
  }
  const { position, expectedMs } = place;
  const about = expectedMs === undefined ? '' : `, about ${Math.max(1, Math.round(expectedMs / 1_000))} s`;
  return `queued, position ${position}${about}`;
}
