/** What may stand for a Redis server: `redis://` or `rediss://`, a host, and a database's number behind it. */
export function isRedisUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !/^rediss?:$/.test(url.protocol) || url.hostname === '') return false;
  return /^\/?\d{0,4}$/.test(url.pathname) && url.search === '' && url.hash === '' && isDecodable(url);
}

function isDecodable({ username, password }: URL): boolean {
  try {
    decodeURIComponent(username + password);
    return true;
  } catch {
    return false;
  }
}
