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

/** The tree without the nodes at `paths`. All are taken out at once: one by one each would copy all that stands beside it. */
export function withoutNodes(root: Placed, paths: readonly Path[]): Placed {
  const byStep = Map.groupBy(
    paths.filter((path) => path.length > 0),
    ([step]) => String(step),
  );
  if (byStep.size === 0 || root.kind === 'scalar') return root;
  const kept = (child: Placed, step: string): Placed | undefined => {
    const below = byStep.get(step);
    if (below === undefined) return child;
    const isLeftOut = below.some((path) => path.length === 1);
    return isLeftOut
      ? undefined
      : withoutNodes(
          child,
          below.map(([, ...rest]) => rest),
        );
  };
  if (root.kind === 'list') {
    return { ...root, items: root.items.flatMap((item, index) => kept(item, String(index)) ?? []) };
  }
  const entries = [...root.entries].flatMap(([key, entry]) => {
    const value = kept(entry.value, key);
    return value === undefined ? [] : [[key, { ...entry, value }] as const];
  });
  return { ...root, entries: new Map(entries) };
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
