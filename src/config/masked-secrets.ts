/**
 * Secrets that are written out in the file are kept nowhere else: `***` stands for them in what is applied and in the
 * history, and means what the file has at that place.
 */
import { isDeepStrictEqual } from 'node:util';
import { Secret } from '../lib/secret.ts';
import { isSecretReference } from '../lib/secret-reference.ts';
import {
  childOf,
  nearest,
  nodeAt,
  type Path,
  type Placed,
  type PlacedMap,
  plainValue,
  withNode,
} from './placed.ts';
import { formatPath, type Problem } from './problem.ts';

export const mask = '***';

/** With what `***` stands for; told of each that stands for nothing. */
export function withMaskedSecrets(tree: PlacedMap, file: PlacedMap, problems: Problem[]): PlacedMap {
  return fill(tree, file, problems) as PlacedMap;
}

/** Where the secrets of a configuration stand, as paths of the tree that it was read from. */
export function secretPathsIn(config: unknown, root: Placed): readonly Path[] {
  return pathsOf(config, []).flatMap((path) => {
    const node = nearest(root, path);
    return node.kind === 'scalar' && typeof node.value === 'string' ? [node.path] : [];
  });
}

/** A tree whose written-out secrets are `***`. */
export function maskedTree(tree: PlacedMap, secretPaths: readonly Path[]): PlacedMap {
  return secretPaths.reduce<Placed>((masked, path) => {
    const node = nodeAt(masked, path);
    if (node?.kind !== 'scalar' || !isWrittenOut(String(node.value))) return masked;
    return withNode(masked, path, { keyPlace: node.place, value: { ...node, value: mask } });
  }, tree) as PlacedMap;
}

/** `${NAME:-default}` has the default written out. */
export function isWrittenOut(text: string): boolean {
  if (text === mask || isSecretReference(text)) return false;
  return !text.includes('${') || /\$\{[^}]*:-[^}]/.test(text);
}

function fill(node: Placed, file: Placed | undefined, problems: Problem[]): Placed {
  if (node.kind === 'scalar') {
    if (node.value !== mask) return node;
    if (file?.kind === 'scalar' && typeof file.value === 'string') return { ...node, value: file.value };
    const message = 'stands for a secret that the file on disk has written out here, and it has none';
    problems.push({ ...node.place, path: formatPath(node.path), message });
    return node;
  }
  if (node.kind === 'list') {
    const items = node.items.map((item, index) => fill(item, counterpart(item, index, file), problems));
    return { ...node, items };
  }
  const entries = Array.from(
    node.entries,
    ([key, entry]) =>
      [key, { ...entry, value: fill(entry.value, file && childOf(file, key), problems) }] as const,
  );
  return { ...node, entries: new Map(entries) };
}

/** Entries of a list move: one is the same by its name, or else by standing at the same place and saying the same. */
function counterpart(item: Placed, index: number, file: Placed | undefined): Placed | undefined {
  if (file?.kind !== 'list') return undefined;
  const name = nameOf(item);
  if (name !== undefined) return file.items.find((each) => nameOf(each) === name);
  const there = file.items[index];
  return there !== undefined && saysTheSame(plainValue(item), plainValue(there)) ? there : undefined;
}

function nameOf(node: Placed): unknown {
  const name = childOf(node, 'name');
  return name?.kind === 'scalar' ? name.value : undefined;
}

/** Where one says `***` the other may say anything. */
function saysTheSame(masked: unknown, plain: unknown): boolean {
  if (masked === mask) return true;
  if (typeof masked !== 'object' || masked === null || typeof plain !== 'object' || plain === null)
    return isDeepStrictEqual(masked, plain);
  const keys = Object.keys(masked);
  return (
    keys.length === Object.keys(plain).length &&
    keys.every((key) => saysTheSame(Reflect.get(masked, key), Reflect.get(plain, key)))
  );
}

function pathsOf(value: unknown, path: Path): Path[] {
  if (value instanceof Secret) return [path];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    pathsOf(item, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}
