/** Answers the routes that call no model: listings, health, metrics, the operator's verbs. */
import type { Authenticated } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';
import type { Stage } from '../core/stage.ts';

export interface AnswerOptions {
  /** False once nothing new is taken. */
  readonly accepting: () => boolean;
}

export function answer(options: AnswerOptions): Stage<Authenticated> {
  return (next) => (exchange) => {
    const { route } = exchange;
    if (route.answer !== undefined) return route.answer(exchange);
    if (options.accepting()) return next(exchange);
    return Promise.reject(
      fail('server_draining', 'this gateway is about to stop; try another', { retryAfterS: 1 }),
    );
  };
}
