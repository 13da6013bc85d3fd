/** Finds the route: what the path means, who may use it, how large and slow its body may be. */

import type { Dialect } from '../core/call.ts';
import type { Incoming, Matched, Received, Route } from '../core/exchange.ts';
import { type Failure, fail } from '../core/failure.ts';
import type { Stage } from '../core/stage.ts';

export interface RouteTable {
  /** The route of a method and path, or which methods the path has instead. */
  find(method: string, path: string): Route | { readonly methods: readonly string[] };
  /** Whose dialect an unknown path most likely speaks. */
  dialectOf(path: string): Dialect;
}

export interface MatchOptions {
  readonly routes: RouteTable;
}

export function match(options: MatchOptions): Stage<Received, Matched> {
  return (next) => (exchange) => {
    const { incoming, trail } = exchange;
    const fault = incoming.fault ?? tooLong(incoming);
    if (fault !== undefined) {
      trail.dialect = options.routes.dialectOf(incoming.path);
      return Promise.reject(fault);
    }
    const route = options.routes.find(incoming.method, incoming.path);
    if ('methods' in route) {
      trail.dialect = options.routes.dialectOf(incoming.path);
      return Promise.reject(missing(incoming.method, incoming.path, route.methods));
    }
    trail.route = route.name;
    trail.dialect = route.voice.dialect;
    return next({ ...exchange, route });
  };
}

const targetBytesMax = 8 * 1024;

function tooLong({ targetBytes }: Incoming): Failure | undefined {
  if (targetBytes <= targetBytesMax) return undefined;
  return fail('uri_too_long', `path and query are longer than ${targetBytesMax} bytes`);
}

function missing(method: string, path: string, methods: readonly string[]): Failure {
  const shown = path.slice(0, 200).replace(keyLike, '/…');
  if (methods.length === 0) return fail('not_found', `there is nothing at ${shown}`);
  const allow = methods.join(', ');
  return fail('method_not_allowed', `${shown} does not take ${method}; it takes ${allow}`, { allow });
}

/** A key in the wrong place of a path must reach no log; keys have 16 characters or more, no word of a route has. */
const keyLike = /\/[^/]{16,}/g;
