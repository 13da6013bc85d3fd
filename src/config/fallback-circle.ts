/** Fallbacks of models that lead back to where they began: whoever followed them would never come to an end. */

type Models = Readonly<Record<string, { readonly fallback: readonly string[] }>>;

/** The shortest way from a model, by the fallback `first`, back to itself. */
export function circleFrom(start: string, first: string, models: Models): readonly string[] | undefined {
  const seen = new Set<string>();
  let ways: readonly (readonly string[])[] = [[start, first]];
  while (ways.length > 0) {
    const back = ways.find((way) => way.at(-1) === start);
    if (back !== undefined) return back;
    ways = ways.flatMap((way) => {
      const last = way.at(-1) ?? '';
      if (seen.has(last)) return [];
      seen.add(last);
      return (models[last]?.fallback ?? []).map((next) => [...way, next]);
    });
  }
  return undefined;
}
