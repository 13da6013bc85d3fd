/** Where Ollama's own variable says that Ollama is, in every form that Ollama itself understands. */

const standardPort = '11434';
/** A server that listens everywhere is reached on loopback. */
const everywhere: Readonly<Record<string, string>> = {
  '': '127.0.0.1',
  '0.0.0.0': '127.0.0.1',
  '::': '[::1]',
  '[::]': '[::1]',
};

/** `host`, `host:port`, `:port`, `[v6]:port`, `scheme://host:port/path`; nothing when it is none of them. */
export function parseOllamaHost(text: string | undefined): string | undefined {
  const plain = (text ?? '').trim().replace(/^["']|["']$/g, '');
  if (plain === '') return `http://127.0.0.1:${standardPort}`;
  const [, scheme, rest = ''] = /^(?:(https?):\/\/)?(.*)$/i.exec(plain) ?? [];
  const [place = '', ...path] = rest.split('/');
  const { host, port } = splitPlace(place);
  const url = URL.parse(`${scheme ?? 'http'}://${everywhere[host] ?? bracketed(host)}`);
  if (url === null) return undefined;
  // As Ollama has it: a scheme brings its own port, and a port that is none falls back.
  url.port = isPort(port) ? port : scheme === undefined ? standardPort : '';
  url.pathname = path.join('/');
  return url.href.replace(/\/+$/, '');
}

function splitPlace(place: string): { host: string; port: string } {
  const [, v6, v6Port] = /^\[([^\]]*)\](?::(.*))?$/.exec(place) ?? [];
  if (v6 !== undefined) return { host: v6, port: v6Port ?? '' };
  const colons = place.split(':').length - 1;
  // Several colons without brackets are an IPv6 address alone.
  if (colons !== 1) return { host: place, port: '' };
  const [host = '', port = ''] = place.split(':');
  return { host, port };
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 && Number(text) > 0;
}
