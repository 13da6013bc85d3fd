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

/** The tree with the node at `path` put in or replaced; maps on the way are made where there is nothing. */
export function withNode(root: Placed, path: Path, node: PlacedEntry): Placed {
  const [step, ...rest] = path;
  if (step === undefined) return node.value;
  if (root.kind === 'list') {
    const items = [...root.items];
    const index = Number(step);
    items[index] = withNode(items[index] ?? emptyMap(node.keyPlace), rest, node);
    return { ...root, items };
  }
  const entries = new Map(root.kind === 'map' ? root.entries : []);
  const key = String(step);
  const before = entries.get(key);
  const child = before?.value ?? emptyMap(node.keyPlace, [...root.path, key]);
  entries.set(key, {
    keyPlace: rest.length === 0 ? node.keyPlace : (before?.keyPlace ?? node.keyPlace),
    value: withNode(child, rest, node),
  });
  return { kind: 'map', place: root.place, path: root.path, entries };
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

export function plainValue(node: Placed): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(plainValue);
  return Object.fromEntries(Array.from(node.entries, ([key, entry]) => [key, plainValue(entry.value)]));
}
