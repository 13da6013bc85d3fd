/** As much of a browser as signing in takes: cookies, redirects, and the two forms of the identity provider. */

export interface Page {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export class Browser {
  readonly #cookies = new Map<string, Map<string, string>>();

  async go(url: string, form?: Readonly<Record<string, string>>): Promise<Page> {
    const reply = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: this.cookies(url) },
      ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
    });
    this.#keep(url, reply.headers.getSetCookie());
    return { url, status: reply.status, headers: reply.headers, text: await reply.text() };
  }

  /** Follows redirects until one leads to `end`, which is not followed. */
  async goUntil(end: string, url: string, form?: Readonly<Record<string, string>>): Promise<Page | string> {
    let page = await this.go(url, form);
    for (let hops = 0; hops < 10; hops += 1) {
      const location = page.headers.get('location');
      if (location === null) return page;
      const next = new URL(location, page.url).href;
      if (next.startsWith(end)) return next;
      page = await this.go(next);
    }
    throw new Error(`sent around in a circle, last to ${page.url}`);
  }

  cookies(url: string): string {
    return [...(this.#cookies.get(new URL(url).hostname) ?? [])]
      .map(([name, value]) => `${name}=${value}`)
      .join('; ');
  }

  #keep(url: string, set: readonly string[]): void {
    const { hostname } = new URL(url);
    const jar = this.#cookies.get(hostname) ?? new Map<string, string>();
    this.#cookies.set(hostname, jar);
    for (const each of set) {
      const [pair = ''] = each.split(';');
      const [name = '', value = ''] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
      if (/max-age=0(?:;|$)/i.test(each)) jar.delete(name);
      else jar.set(name, value);
    }
  }
}

/** Says who one is and agrees to it; gives the address that the provider then sends the browser to. */
export async function signInAt(
  browser: Browser,
  location: string,
  { login, end }: { login: string; end: string },
): Promise<string> {
  let page = await browser.goUntil(end, location);
  for (const fields of [{ prompt: 'login', login, password: 'x' }, { prompt: 'consent' }]) {
    if (typeof page === 'string') return page;
    const [, action = ''] = /action="([^"]+)"/.exec(page.text) ?? [];
    page = await browser.goUntil(end, new URL(action, page.url).href, fields);
  }
  if (typeof page === 'string') return page;
  throw new Error(`the provider answered ${page.status}: ${page.text}`);
}
