/** A configuration value that remembers where it was written. */
import type { Place } from './problem.ts';

export type Path = readonly (string | number)[];

export type Placed = PlacedScalar | PlacedList | PlacedMap;

interface Known {
  readonly place: Place;
  readonly path: Path;
}

export interface PlacedScalar extends Known {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
  /** The text came from the environment: it may mean a number or a boolean, as the schema asks. */
  readonly loose?: boolean;
}

export interface PlacedList extends Known {
  readonly kind: 'list';
  readonly items: readonly Placed[];
}

export interface PlacedMap extends Known {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, PlacedEntry>;
}

export interface PlacedEntry {
  /** Where the key stands, which is where a wrong key is shown. */
  readonly keyPlace: Place;
  readonly value: Placed;
}

export function emptyMap(place: Place, path: Path = []): PlacedMap {
  return { kind: 'map', place, path, entries: new Map() };
}

export function childOf(node: Placed, step: PropertyKey): Placed | undefined {
  if (node.kind === 'map') return node.entries.get(String(step))?.value;
  return node.kind === 'list' ? node.items[Number(step)] : undefined;
}

export function nodeAt(root: Placed, path: readonly PropertyKey[]): Placed | undefined {
  let node: Placed | undefined = root;
  for (const step of path) {
    if (node === undefined) return undefined;
    node = childOf(node, step);
  }
  return node;
}

/** The deepest node on the way to `path`: where something missing is missing. */
export function nearest(root: Placed, path: readonly PropertyKey[]): Placed {
  let node = root;
  for (const step of path) {
    const child = childOf(node, step);
    if (child === undefined) return node;
    node = child;
  }
  return node;
}

/** The tree with the node at `path` put in or replaced; what is missing on the way is made. */
export function withNode(root: Placed | undefined, path: Path, node: PlacedEntry): Placed {
  const [step, ...rest] = path;
  if (step === undefined) return node.value;
  const at = { place: root?.place ?? node.keyPlace, path: node.value.path.slice(0, -path.length) };
  if (typeof step === 'number') {
    const items = root?.kind === 'list' ? [...root.items] : [];
    while (items.length <= step) {
      items.push({ kind: 'scalar', value: null, place: node.keyPlace, path: [...at.path, items.length] });
    }
    items[step] = withNode(items[step], rest, node);
    return { kind: 'list', ...at, items };
  }
  const entries = new Map(root?.kind === 'map' ? root.entries : []);
  const before = entries.get(step);
  const keyPlace = rest.length === 0 || before === undefined ? node.keyPlace : before.keyPlace;
  entries.set(step, { keyPlace, value: withNode(before?.value, rest, node) });
  return { kind: 'map', ...at, entries };
}

export function withoutNode(root: Placed, path: Path): Placed {
  const [step, ...rest] = path;
  if (step === undefined) return root;
  const child = childOf(root, step);
  if (child === undefined) return root;
  const kept = rest.length === 0 ? undefined : withoutNode(child, rest);
  if (root.kind === 'list') {
    return { ...root, items: root.items.flatMap((item) => (item !== child ? [item] : kept ? [kept] : [])) };
  }
  if (root.kind === 'scalar') return root;
  const entries = new Map(root.entries);
  const entry = entries.get(String(step));
  if (kept === undefined || entry === undefined) entries.delete(String(step));
  else entries.set(String(step), { ...entry, value: kept });
  return { ...root, entries };
}

/** A value that stands in no file, as if it had been written at `place`. */
export function placedAt(value: unknown, place: Place, path: Path): Placed {
  if (Array.isArray(value)) {
    return {
      kind: 'list',
      place,
      path,
      items: value.map((item, index) => placedAt(item, place, [...path, index])),
    };
  }
  if (typeof value !== 'object' || value === null) {
    return { kind: 'scalar', place, path, value: value as PlacedScalar['value'] };
  }
  const entries = Object.entries(value).map(
    ([key, item]) => [key, { keyPlace: place, value: placedAt(item, place, [...path, key]) }] as const,
  );
  return { kind: 'map', place, path, entries: new Map(entries) };
}

export function scalarPaths(node: Placed): Path[] {
  if (node.kind === 'scalar') return [node.path];
  return childrenOf(node).flatMap(scalarPaths);
}

export function childrenOf(node: PlacedList | PlacedMap): readonly Placed[] {
  return node.kind === 'list' ? node.items : Array.from(node.entries.values(), ({ value }) => value);
}

export function plainValue(node: Placed): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(plainValue);
  return Object.fromEntries(Array.from(node.entries, ([key, entry]) => [key, plainValue(entry.value)]));
}
