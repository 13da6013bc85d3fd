/** The header by which clients find the next page, where there is one. */
export function nextPage(
  query: Readonly<Record<string, unknown>>,
  after: string | number | undefined,
): Readonly<Record<string, string>> {
  if (after === undefined) return {};
  const said = Object.entries({ ...query, after }).filter(([, value]) => value !== undefined);
  const next = new URLSearchParams(said.map(([name, value]) => [name, String(value)]));
  return { link: `<?${next}>; rel="next"` };
}
