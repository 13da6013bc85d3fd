/** Signing in to the console, and out again. */
import { z } from 'zod';
import { asFailure } from '../core/failure.ts';
import { roles } from '../identity/options.ts';
import { signInPath } from '../identity/token-options.ts';
import { type AdminRoute, adminRoute, api, type PlainAnswer } from './route.ts';
import type { SignIn } from './sign-in.ts';

const sessionShape = z.object({
  name: z.string(),
  tenant: z.string(),
  role: z.enum(roles),
  how: z.enum(['token', 'key', 'session']),
  /** Of a session: to be sent as `x-millrace-csrf` with whatever changes something. */
  csrf: z.string().optional(),
  expiresAt: z.iso.datetime().optional(),
});

const cameBackQuery = z.looseObject({ state: z.string().max(4_096).optional() });

export function sessionRoutes(signIn: SignIn): readonly AdminRoute[] {
  const browsers = {
    method: 'GET',
    permission: 'public',
    scope: 'gateway',
    tag: 'sessions',
    answers: {},
    alsoAs: ['text/html; charset=utf-8'],
  } as const;
  const own = { path: `${api}/session`, permission: 'session:own', tag: 'sessions' } as const;
  return [
    adminRoute({
      ...browsers,
      name: 'session.sign-in',
      path: '/admin/sign-in',
      sendsOn: true,
      summary: 'Sends a browser to where people sign in',
      example: {},
      handle: async () => {
        const { location, cookie } = await signIn.begin();
        return { ...page(302, 'Sign in'), headers: { ...plain, location, 'set-cookie': cookie } };
      },
    }),
    adminRoute({
      ...browsers,
      name: 'session.come-back',
      path: signInPath,
      summary: 'Where browsers come back to with what the issuer gave them',
      query: cameBackQuery,
      example: { query: { code: 'of-the-issuer', state: 'as-it-was-sent' } },
      handle: async ({ query, headers, address }) => {
        try {
          const cameBack = { query: textsOf(query), cookies: headers.cookie, address };
          const { actor, cookie } = await signIn.finish(cameBack);
          // A page of our own, not a redirect: the cookie does not go along with what another site began.
          const signedIn = page(200, `Signed in as ${actor.name}: ${actor.role} of ${actor.tenant}`);
          return { ...signedIn, headers: { ...plain, 'set-cookie': cookie } };
        } catch (thrown) {
          const failure = asFailure(thrown);
          if (failure.code === 'internal') throw thrown;
          return page(failure.status, `Not signed in: ${failure.message}`);
        }
      },
    }),
    adminRoute({
      ...own,
      name: 'session.show',
      method: 'GET',
      scope: 'tenant',
      summary: 'Who the caller is, and what a session must send with changes',
      answers: { 200: sessionShape },
      example: {},
      handle: async ({ actor: { name, tenant, role, how }, headers }) => {
        const session = how === 'session' ? await signIn.session(headers.cookie) : undefined;
        const more =
          session === undefined
            ? {}
            : { csrf: session.csrf, expiresAt: new Date(session.expiresAtMs).toISOString() };
        return { status: 200, body: { name, tenant, role, how, ...more } };
      },
    }),
    adminRoute({
      ...own,
      name: 'session.end',
      method: 'DELETE',
      scope: 'tenant',
      summary: 'Signs out',
      answers: { 204: z.undefined() },
      example: {},
      handle: async ({ headers }) => ({
        status: 204,
        body: undefined,
        headers: { 'set-cookie': await signIn.end(headers.cookie) },
      }),
    }),
  ];
}

/** Nothing on it runs, loads or frames anything. */
const plain = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
} as const;

function page(status: number, text: string): PlainAnswer {
  const words = text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
  const html = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Millrace</title><p>${words}</p>\n`;
  return { status, type: 'text/html; charset=utf-8', text: html, headers: plain };
}

/** As the address had them; one that stands there twice is nothing that an issuer sends. */
function textsOf(query: Readonly<Record<string, unknown>>): URLSearchParams {
  const texts = Object.entries(query).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value]] : [],
  );
  return new URLSearchParams(texts);
}
