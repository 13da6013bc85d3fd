/**
 * For servers that put together by themselves what comes at the same moment: the calls of a model go in windows, so many
 * at once. Whoever comes while none is under way goes at once; the others wait until there are enough, until it was long
 * enough, or until those before have ended. Each stays a call of its own.
 */
import type { Planned } from '../core/exchange.ts';
import type { Stage } from '../core/stage.ts';
import type { BatchOptions } from './batch-call.ts';
import { CallWindow } from './call-window.ts';

export function assemble(options: Pick<BatchOptions, 'clock' | 'boundsOf' | 'told'>): Stage<Planned> {
  return (next) => {
    /** By model; each lives while something is under way. */
    const windows = new Map<string, CallWindow>();
    return (exchange) => {
      const { model } = exchange.trail;
      // What is sent for several has waited for company already.
      if (options.boundsOf(model).window === 1 || exchange.batch !== undefined) return next(exchange);
      const window =
        windows.get(model) ?? new CallWindow({ ...options, next, onIdle: () => windows.delete(model) });
      windows.set(model, window);
      return window.pass(exchange);
    };
  };
}
