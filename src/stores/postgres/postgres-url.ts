/** Whole enough for us: what an address leaves out pg takes from the environment, where nobody looks for it. */
export function isPostgresUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !/^postgres(?:ql)?:$/.test(url.protocol)) return false;
  const host = url.hostname || url.searchParams.get('host');
  return Boolean(host) && url.username !== '' && url.pathname.length > 1;
}

/** By our own name for them the server counts our connections: another in the address would have the last word over it. */
export function withoutName(text: string): string {
  const url = new URL(text);
  if (!url.searchParams.has('application_name')) return text;
  url.searchParams.delete('application_name');
  return url.href;
}
