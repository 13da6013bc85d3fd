/** The target of a request line, taken apart: path, query, and the key that stood in the path. */
import { decodePercent } from '../lib/percent.ts';

export interface RequestTarget {
  /** Without query, and without the key. */
  readonly path: string;
  readonly search: string;
  readonly pathKey: string | undefined;
}

/** `/k/KEY/v1/models` is `/v1/models` with a key. */
export function parseRequestTarget(target: string): RequestTarget {
  const question = target.indexOf('?');
  const whole = question === -1 ? target : target.slice(0, question);
  const search = question === -1 ? '' : target.slice(question + 1);
  if (!whole.startsWith('/k/')) return { path: whole, search, pathKey: undefined };
  const end = whole.indexOf('/', 3);
  if (end === -1) return { path: '/', search, pathKey: decodePercent(whole.slice(3)) };
  return { path: whole.slice(end), search, pathKey: decodePercent(whole.slice(3, end)) };
}
