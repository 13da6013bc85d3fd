/** Answers the routes that call no model: listings, health, metrics, the operator's verbs. */
import type { Authenticated } from '../core/exchange.ts';
import { type Failure, fail } from '../core/failure.ts';
import type { Stage } from '../core/stage.ts';

export interface AnswerOptions {
  /** False once nothing new is taken. */
  readonly accepting: () => boolean;
  /** Whether there is memory for more (P5). */
  readonly hasRoom: () => boolean;
}

export function answer(options: AnswerOptions): Stage<Authenticated> {
  return (next) => (exchange) => {
    const { route } = exchange;
    if (route.answer !== undefined) return route.answer(exchange);
    if (options.accepting()) return options.hasRoom() ? next(exchange) : Promise.reject(tooFull());
    return Promise.reject(
      fail('server_draining', 'this gateway is about to stop; try another', { retryAfterS: 1 }),
    );
  };
}

function tooFull(): Failure {
  return fail(
    'memory_full',
    'this gateway has no memory left for more requests at once; try again, or another',
    {
      retryAfterS: 1,
    },
  );
}
