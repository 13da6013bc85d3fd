/** What differs between two configurations, path by path. Of secrets only that they do. */
import { Secret } from '../lib/secret.ts';
import type { LoadedConfig } from './load.ts';
import { formatPath } from './problem.ts';
import { hotKeys } from './schema.ts';

export interface Change {
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed';
  /** As JSON has it: secrets read `***`. */
  readonly before?: unknown;
  readonly after?: unknown;
}

export const changesMax = 1_000;

export function changesBetween(
  before: LoadedConfig,
  after: LoadedConfig,
): { readonly changes: readonly Change[]; readonly more: number } {
  const all = hotKeys.flatMap((key) => changesAt([key], before.config[key], after.config[key]));
  return { changes: all.slice(0, changesMax), more: Math.max(0, all.length - changesMax) };
}

function changesAt(path: readonly (string | number)[], before: unknown, after: unknown): Change[] {
  const at = { path: formatPath(path) };
  if (before === undefined && after === undefined) return [];
  if (before === undefined) return [{ ...at, kind: 'added', after: shown(after) }];
  if (after === undefined) return [{ ...at, kind: 'removed', before: shown(before) }];
  if (isTree(before) && isTree(after) && Array.isArray(before) === Array.isArray(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) =>
      changesAt(
        [...path, Array.isArray(before) ? Number(key) : key],
        Reflect.get(before, key),
        Reflect.get(after, key),
      ),
    );
  }
  if (plainOf(before) === plainOf(after)) return [];
  return [{ ...at, kind: 'changed', before: shown(before), after: shown(after) }];
}

function isTree(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !(value instanceof Secret);
}

function plainOf(value: unknown): unknown {
  return value instanceof Secret ? value.reveal() : value;
}

function shown(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
