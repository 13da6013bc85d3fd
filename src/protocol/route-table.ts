/** Paths to routes: exact ones by one look-up, and the few that end in a name by their beginning. */
import type { Dialect } from '../core/call.ts';
import type { Route } from '../core/exchange.ts';

/** `path` may end in `*`: whatever follows belongs to the route. */
export interface PlacedRoute {
  readonly method: string;
  readonly path: string;
  readonly route: Route;
}

export interface RouteTable {
  readonly all: readonly PlacedRoute[];
  find(method: string, path: string): Route | { readonly methods: readonly string[] };
  dialectOf(path: string): Dialect;
}

export function createRouteTable(placed: readonly PlacedRoute[]): RouteTable {
  const all = withHeads(placed);
  const exact = new Map<string, Map<string, Route>>();
  const open: PlacedRoute[] = [];
  for (const each of all) {
    const { method, path, route } = each;
    if (path.endsWith('*')) open.push(each);
    else exact.set(method, (exact.get(method) ?? new Map<string, Route>()).set(path, route));
  }
  const matches = (each: PlacedRoute, path: string) =>
    each.path.endsWith('*') ? startsBelow(path, each.path.slice(0, -1)) : each.path === path;
  return {
    all,
    find: (method, path) => {
      const route = exact.get(method)?.get(path);
      if (route !== undefined) return route;
      const found = open.find((each) => each.method === method && matches(each, path));
      if (found !== undefined) return found.route;
      const methods = all.filter((each) => matches(each, path)).map((each) => each.method);
      return { methods: [...new Set(methods)] };
    },
    dialectOf: (path) => all.find((each) => matches(each, path))?.route.voice.dialect ?? likelyDialect(path),
  };
}

/** Whatever answers GET answers HEAD by the same route: Node sends the head, `content-length` included, and no body. */
function withHeads(placed: readonly PlacedRoute[]): readonly PlacedRoute[] {
  const own = new Set(placed.filter(({ method }) => method === 'HEAD').map(({ path }) => path));
  return placed.flatMap((each) =>
    each.method === 'GET' && !own.has(each.path) ? [each, { ...each, method: 'HEAD' }] : [each],
  );
}

function likelyDialect(path: string): Dialect {
  if (path.startsWith('/api/v1/')) return 'simple';
  return path.startsWith('/api/') ? 'ollama' : 'openai';
}

function startsBelow(path: string, start: string): boolean {
  return path.length > start.length && path.startsWith(start);
}
