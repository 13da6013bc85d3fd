/** The header by which clients find the next page, where there is one. */
export function nextPage(
  query: Readonly<Record<string, unknown>>,
  cursor: Readonly<Record<string, string | number | undefined>>,
): Readonly<Record<string, string>> {
  if (Object.values(cursor).includes(undefined)) return {};
  const said = Object.entries({ ...query, ...cursor }).filter(([, value]) => value !== undefined);
  const next = new URLSearchParams(said.map(([name, value]) => [name, String(value)]));
  return { link: `<?${next}>; rel="next"` };
}
