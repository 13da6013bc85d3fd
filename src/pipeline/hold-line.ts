/** Who waits long for a stream of events, for a slot or for a model that is loaded, is told where it stands. */
import type { Planned } from '../core/exchange.ts';
import type { Stage } from '../core/stage.ts';
import { heldLine } from './held-line.ts';
import type { LineOptions } from './line-comments.ts';

export function holdLine(options: LineOptions): Stage<Planned> {
  return (next) => (exchange) => {
    const reply = next(exchange);
    // Whoever was given a slot at once where the model is pays nothing for those who wait.
    const { place, loading } = exchange.trail;
    return place === undefined && !loading ? reply : heldLine(options, exchange, reply);
  };
}
