/** What is kept of people: told to whoever answers for them, and erased. */
import { Readable } from 'node:stream';
import type { z } from 'zod';
import { fail } from '../core/failure.ts';
import type { Subject } from '../core/subject.ts';
import { exportSubject } from '../privacy/exporter.ts';
import { type RemainsFacts, remainsOf } from '../privacy/remains.ts';
import { openContent } from '../privacy/sealed-content.ts';
import type { Gateway } from '../wiring/gateway.ts';
import { tenantAlone } from './entry-routes.ts';
import { assertGrants } from './grants.ts';
import { contentParams, contentShape, erasedShape, exportShape, subjectBody } from './privacy-shapes.ts';
import { type AdminCall, type AdminRoute, adminRoute, api } from './route.ts';

export function privacyRoutes(gateway: Gateway): readonly AdminRoute[] {
  const { privacy } = gateway.lasting;
  const common = { method: 'POST', scope: 'tenant', tag: 'privacy', query: tenantAlone } as const;
  return [
    adminRoute({
      ...common,
      name: 'privacy.export',
      dear: true,
      path: `${api}/privacy/export`,
      permission: 'privacy:read',
      summary: 'Everything that is kept of a user, or of a whole tenant, as one JSON text',
      body: subjectBody,
      answers: { 200: exportShape },
      streams: true,
      example: { body: { user: 'grace' } },
      object: ({ tenant, body }) => objectOf(tenant, body),
      handle: async (call) => {
        const subject = mayExport(call);
        await privacy.settled();
        const text = exportSubject(privacy.places, subject);
        return { status: 200, type: 'application/json; charset=utf-8', stream: Readable.from(text) };
      },
    }),
    adminRoute({
      ...common,
      name: 'privacy.erase',
      path: `${api}/privacy/erase`,
      permission: 'privacy:write',
      summary: 'Erases a user, or a whole tenant, and tells what remains, where and until when',
      body: subjectBody,
      answers: { 200: erasedShape },
      example: { body: { user: 'grace' } },
      object: ({ tenant, body }) => objectOf(tenant, body),
      handle: async (call) => {
        const subject = await mayErase(gateway, call);
        const erased = await privacy.erase(subject);
        return {
          status: 200,
          body: { ...subject, erased, remains: remainsOf(factsOf(gateway, subject)) },
        };
      },
    }),
    adminRoute({
      name: 'contents.show',
      method: 'GET',
      path: `${api}/contents/:id`,
      permission: 'privacy:read',
      scope: 'tenant',
      tag: 'privacy',
      summary:
        'What was asked and answered in an exchange, of tenants that have it kept; each look is audited',
      params: contentParams,
      query: tenantAlone,
      answers: { 200: contentShape },
      changes: true,
      example: { params: { id: '0199aa6e-5f4c-7c3e-9d2a-3f1f6a3c9b10' } },
      object: ({ tenant, params }) => `${tenant}/${params.id}`,
      handle: async ({ tenant, params }) => ({
        status: 200,
        body: await showContent(gateway, tenant, params.id),
      }),
    }),
  ];
}

async function showContent(
  { lasting }: Gateway,
  tenant: string,
  id: string,
): Promise<z.input<typeof contentShape>> {
  const found = await findContent(lasting, tenant, id);
  if (found === undefined) throw fail('not_found', 'nothing is kept of an exchange of this id');
  const { user, atMs, expiresAtMs } = found;
  const said = openContent(found, await lasting.sealers.of(tenant, user));
  if (said === undefined)
    throw fail('not_found', 'its key was destroyed: what was kept can be read by nobody');
  const at = new Date(atMs).toISOString();
  return { id, tenant, user, at, expiresAt: new Date(expiresAtMs).toISOString(), ...said };
}

/** What was said elsewhere may be on its way: that is waited for where there is nothing else to tell. */
async function findContent({ privacy, store }: Gateway['lasting'], tenant: string, id: string) {
  await privacy.contents.flush();
  const found = await store.contents.find(tenant, id);
  if (found !== undefined) return found;
  await privacy.settled();
  return await store.contents.find(tenant, id);
}

type Asked = z.output<typeof subjectBody>;
type SubjectCall = AdminCall<unknown, unknown, Asked>;

function objectOf(tenant: string, body: Asked): string {
  return 'user' in body ? `${tenant}/${body.user}` : body.wholeTenant;
}

function mayExport(call: SubjectCall): Subject {
  const { tenant, body } = call;
  if ('user' in body) return { tenant, user: body.user };
  assertWhole(call, body);
  assertOwner(call, 'exported');
  return { tenant };
}

async function mayErase(gateway: Gateway, call: SubjectCall): Promise<Subject> {
  const { actor, tenant, body } = call;
  if ('user' in body) {
    const place = { kind: 'user', tenant, name: body.user } as const;
    const before = await gateway.lasting.followed.directory.find(place);
    if (before?.kind === 'user') assertGrants(actor, { before });
    return { tenant, user: body.user };
  }
  assertWhole(call, body);
  const { homeTenant } = gateway.snapshot.config.identity;
  if (tenant === homeTenant) {
    throw fail('conflict', `${homeTenant} is the tenant that runs the gateway: erase its users one by one`);
  }
  assertOwner(call, 'erased');
  return { tenant };
}

function assertWhole({ tenant }: SubjectCall, { wholeTenant }: { readonly wholeTenant: string }): void {
  if (wholeTenant === tenant) return;
  throw fail('invalid_request', `\`wholeTenant\` must be ${tenant}, the tenant that this call is about`, {
    param: 'wholeTenant',
  });
}

function assertOwner({ actor }: SubjectCall, done: string): void {
  if (actor.role !== 'owner') throw fail('forbidden', `a whole tenant is ${done} by an owner`);
}

function factsOf({ snapshot }: Gateway, { tenant, user }: Subject): RemainsFacts {
  const { store, shared, keys } = snapshot.config;
  const named = keys.filter((key) => key.tenant === tenant && (user === undefined || key.user === user));
  return {
    store: store === 'sqlite' ? 'sqlite' : 'postgres',
    shared: shared === 'memory' ? 'memory' : 'redis',
    configuredKeys: named.map(({ name }) => name),
  };
}
