/** Fallbacks of models that lead back to where they began: whoever followed them would never come to an end. */

type Models = Readonly<Record<string, { readonly fallback: readonly string[] }>>;

/**
 * Those that may be on the way back to where they began: what is left when again and again whatever leads nowhere, and whatever
 * nothing leads to, is left out. Of most configurations nobody.
 */
export function onCircles(models: Models): ReadonlySet<string> {
  const forth = new Map(Object.entries(models).map(([name, { fallback }]) => [name, fallback]));
  const back = new Map<string, string[]>();
  for (const [name, others] of forth)
    for (const other of others) {
      const leading = back.get(other) ?? [];
      leading.push(name);
      back.set(other, leading);
    }
  return pruned(pruned(new Set(forth.keys()), forth, back), back, forth);
}

type Ways = ReadonlyMap<string, readonly string[]>;

/** Without those from which no way leads to any that is left. */
function pruned(names: ReadonlySet<string>, ways: Ways, against: Ways): ReadonlySet<string> {
  const left = new Set(names);
  const count = new Map<string, number>();
  for (const name of left) count.set(name, (ways.get(name) ?? []).filter((other) => left.has(other)).length);
  const ends = [...left].filter((name) => count.get(name) === 0);
  for (let end = ends.pop(); end !== undefined; end = ends.pop()) {
    left.delete(end);
    for (const before of against.get(end) ?? []) {
      const rest = (count.get(before) ?? 0) - 1;
      count.set(before, rest);
      if (rest === 0 && left.has(before)) ends.push(before);
    }
  }
  return left;
}

/** The shortest way from a model, by the fallback `first`, back to itself. */
export function circleFrom(start: string, first: string, models: Models): readonly string[] | undefined {
  const cameFrom = new Map<string, string>();
  const waiting = [first];
  for (const name of waiting) {
    if (name === start) return wayTo(name, first, cameFrom);
    for (const next of models[name]?.fallback ?? []) {
      if (cameFrom.has(next) || next === first) continue;
      cameFrom.set(next, name);
      waiting.push(next);
    }
  }
  return undefined;
}

function wayTo(start: string, first: string, cameFrom: ReadonlyMap<string, string>): readonly string[] {
  const way = [start];
  for (let name: string | undefined = start; name !== undefined && name !== first; ) {
    name = cameFrom.get(name);
    if (name !== undefined) way.push(name);
  }
  return [start, ...way.reverse()];
}
