/** Our two cookies: of who is signed in, and of who is about to. */

type CookieName = 'session' | 'sign-in';

interface CookieKind {
  /** `Strict` goes along with nothing that another site began; coming back from the issuer is such a thing. */
  readonly sameSite: 'Strict' | 'Lax';
}

const kinds: Readonly<Record<CookieName, CookieKind>> = {
  session: { sameSite: 'Strict' },
  'sign-in': { sameSite: 'Lax' },
};

export interface CookieOptions {
  readonly value: string;
  readonly maxAgeS: number;
  /** Over TLS alone; then nobody on a neighbouring name can plant one either. */
  readonly secure: boolean;
}

export function cookieText(name: CookieName, { value, maxAgeS, secure }: CookieOptions): string {
  const parts = [
    `${secure ? securely(name) : plainly(name)}=${value}`,
    'Path=/',
    `Max-Age=${maxAgeS}`,
    'HttpOnly',
    `SameSite=${kinds[name].sameSite}`,
    ...(secure ? ['Secure'] : []),
  ];
  return parts.join('; ');
}

/** The value among a request's cookies. Two of one name are somebody's trick, and so is a plain one where ours are not. */
export function cookieOf(cookies: string | undefined, name: CookieName, secure: boolean): string | undefined {
  const own = secure ? securely(name) : plainly(name);
  const found = (cookies ?? '')
    .split(';')
    .map((each) => each.trim().split('='))
    .filter(([called]) => called === own);
  return found.length === 1 ? found[0]?.[1] : undefined;
}

/** Browsers take a name like this only with `Secure`, for this host alone. */
function securely(name: CookieName): string {
  return `__Host-${plainly(name)}`;
}

function plainly(name: CookieName): string {
  return `millrace-${name}`;
}
