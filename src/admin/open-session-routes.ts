/** Who is signed in to the console, and how somebody else is signed out. */
import { z } from 'zod';
import { fail } from '../core/failure.ts';
import { roles } from '../identity/options.ts';
import { pageOf, pageQuery } from './directory-shapes.ts';
import { tenantAlone } from './entry-routes.ts';
import { assertGrants } from './grants.ts';
import { nextPage } from './next-page.ts';
import { type AdminRoute, adminRoute, api } from './route.ts';
import { inOrder, type OpenSession, type SessionPlace, type Sessions } from './sessions.ts';

export const openSessionShape = z.object({
  /** Names the session and opens nothing. */
  id: z.string(),
  name: z.string(),
  tenant: z.string(),
  user: z.string(),
  role: z.enum(roles),
  beganAt: z.iso.datetime(),
  /** At the latest: it ends earlier when nobody uses it. */
  expiresAt: z.iso.datetime(),
});

const example = 'q3Jb0kX4v2yNw8m1RzT5uHc7sLdE9aGfPoViKxBtQyM';

export function openSessionRoutes(sessions: Sessions): readonly AdminRoute[] {
  const common = { scope: 'tenant', tag: 'sessions' } as const;
  return [
    adminRoute({
      ...common,
      name: 'sessions.list',
      method: 'GET',
      path: `${api}/sessions`,
      permission: 'sessions:read',
      summary: 'Who is signed in to the console, a page at a time, in the order in which they began',
      query: pageQuery,
      answers: { 200: pageOf(openSessionShape) },
      example: { query: { limit: '50' } },
      handle: async ({ tenant, everyTenant, query }) => {
        const open = await sessions.open();
        const visible = everyTenant ? open : open.filter(({ actor }) => actor.tenant === tenant);
        const { items, next } = pageAfter(visible, query);
        return {
          status: 200,
          body: next === undefined ? { items } : { items, next },
          headers: nextPage(query, { after: next }),
        };
      },
    }),
    adminRoute({
      ...common,
      name: 'sessions.end',
      method: 'DELETE',
      path: `${api}/sessions/:id`,
      permission: 'sessions:write',
      summary: 'Signs somebody out, on every gateway that shares sessions with this one',
      params: z.strictObject({ id: z.string().min(1).max(128) }),
      query: tenantAlone,
      answers: { 204: z.undefined() },
      example: { params: { id: example } },
      object: ({ tenant, params }) => `${tenant}/${params.id}`,
      handle: async ({ actor, tenant, params }) => {
        const found = (await sessions.open()).find(
          (session) => session.id === params.id && session.actor.tenant === tenant,
        );
        if (found !== undefined) assertGrants(actor, { before: found.actor });
        if (found !== undefined && (await sessions.endOpen(found))) return { status: 204, body: undefined };
        throw fail('not_found', 'there is no such session here, or it has ended');
      },
    }),
  ];
}

/** The place of a page is when its last session began: one that has ended meanwhile leaves no gap. */
function pageAfter(
  open: readonly OpenSession[],
  { after, limit }: z.output<typeof pageQuery>,
): { readonly items: z.input<typeof openSessionShape>[]; readonly next: string | undefined } {
  const place = after === undefined ? undefined : placeIn(after);
  const rest = place === undefined ? open : open.filter((session) => inOrder(session, place) > 0);
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  const more = last !== undefined && rest.length > page.length;
  return { items: page.map(view), next: more ? `${last.beganAtMs}.${last.id}` : undefined };
}

function placeIn(text: string): SessionPlace {
  const [, beganAt, id] = /^(\d{1,15})\.(.+)$/.exec(text) ?? [];
  if (beganAt === undefined || id === undefined)
    throw fail('invalid_request', '`after` must be the `next` of the page before', { param: 'after' });
  return { beganAtMs: Number(beganAt), id };
}

function view({ id, actor, beganAtMs, expiresAtMs }: OpenSession): z.input<typeof openSessionShape> {
  const { name, tenant, user, role } = actor;
  const beganAt = new Date(beganAtMs).toISOString();
  return { id, name, tenant, user, role, beganAt, expiresAt: new Date(expiresAtMs).toISOString() };
}
