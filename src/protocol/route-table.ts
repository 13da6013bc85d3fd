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

export function createRouteTable(all: readonly PlacedRoute[]): RouteTable {
  const exact = new Map<string, Route>();
  const open: PlacedRoute[] = [];
  for (const placed of all) {
    if (placed.path.endsWith('*')) open.push(placed);
    else exact.set(`${placed.method} ${placed.path}`, placed.route);
  }
  const matches = (placed: PlacedRoute, path: string) =>
    placed.path.endsWith('*') ? startsBelow(path, placed.path.slice(0, -1)) : placed.path === path;
  return {
    all,
    find: (method, path) => {
      const route = exact.get(`${method} ${path}`);
      if (route !== undefined) return route;
      const found = open.find((placed) => placed.method === method && matches(placed, path));
      if (found !== undefined) return found.route;
      const methods = all.filter((placed) => matches(placed, path)).map((placed) => placed.method);
      return { methods: [...new Set(methods)] };
    },
    dialectOf: (path) =>
      all.find((placed) => matches(placed, path))?.route.voice.dialect ?? likelyDialect(path),
  };
}

function likelyDialect(path: string): Dialect {
  if (path.startsWith('/api/v1/')) return 'simple';
  return path.startsWith('/api/') ? 'ollama' : 'openai';
}

function startsBelow(path: string, start: string): boolean {
  return path.length > start.length && path.startsWith(start);
}
