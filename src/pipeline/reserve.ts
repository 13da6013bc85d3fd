/** Says what is about to be spent, before anything is sent: what comes after that is never forgotten (G21). */
import type { Planned } from '../core/exchange.ts';
import type { Stage } from '../core/stage.ts';
import type { Trail } from '../core/trail.ts';

export interface ReserveOptions {
  /** Resolves when the intent is kept. Never rejects: what cannot be kept is counted, and told of. */
  readonly intend: (trail: Trail) => Promise<void>;
}

export function reserve(options: ReserveOptions): Stage<Planned> {
  return (next) => (exchange) => options.intend(exchange.trail).then(() => next(exchange));
}
