/** Joins the trees of two files: maps are joined key by key; anything else may be said in one file alone. */
import type { Placed, PlacedEntry, PlacedMap } from './placed.ts';
import { formatPath, formatPlace, type Problem } from './problem.ts';

/** `later` is the file that was read after `earlier`; a clash is shown there and names the other place. */
export function mergeTrees(earlier: PlacedMap, later: PlacedMap, problems: Problem[]): PlacedMap {
  const entries = new Map(earlier.entries);
  for (const [key, entry] of later.entries) {
    const before = entries.get(key);
    entries.set(key, before === undefined ? entry : { ...entry, value: join(before, entry, problems) });
  }
  return { ...later, entries };
}

function join(before: PlacedEntry, after: PlacedEntry, problems: Problem[]): Placed {
  if (before.value.kind === 'map' && after.value.kind === 'map') {
    return mergeTrees(before.value, after.value, problems);
  }
  problems.push({
    ...after.keyPlace,
    path: formatPath(after.value.path),
    message: `is set already at ${formatPlace(before.keyPlace)}; one file alone may set it`,
  });
  return after.value;
}
