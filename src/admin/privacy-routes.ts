/** What is kept of people: told to whoever answers for them, and erased. */
import { Readable } from 'node:stream';
import type { z } from 'zod';
import { fail } from '../core/failure.ts';
import type { Subject } from '../core/subject.ts';
import { exportOwner } from '../privacy/exporter.ts';
import { type RemainsFacts, remainsOf } from '../privacy/remains.ts';
import type { Gateway } from '../wiring/gateway.ts';
import { tenantAlone } from './entry-routes.ts';
import { assertGrants } from './grants.ts';
import { eraseBody, erasedShape, exportBody, exportShape } from './privacy-shapes.ts';
import { type AdminCall, type AdminRoute, adminRoute, api } from './route.ts';

export function privacyRoutes(gateway: Gateway): readonly AdminRoute[] {
  const { privacy } = gateway.lasting;
  const common = { method: 'POST', scope: 'tenant', tag: 'privacy', query: tenantAlone } as const;
  return [
    adminRoute({
      ...common,
      name: 'privacy.export',
      path: `${api}/privacy/export`,
      permission: 'privacy:read',
      summary: 'Everything that is kept of a user, as one JSON text',
      body: exportBody,
      answers: { 200: exportShape },
      streams: true,
      example: { body: { user: 'grace' } },
      object: ({ tenant, body }) => `${tenant}/${body.user}`,
      handle: ({ tenant, body }) => ({
        status: 200,
        type: 'application/json; charset=utf-8',
        stream: Readable.from(exportOwner(privacy.places, { tenant, user: body.user })),
      }),
    }),
    adminRoute({
      ...common,
      name: 'privacy.erase',
      path: `${api}/privacy/erase`,
      permission: 'privacy:write',
      summary: 'Erases a user, or a whole tenant, and tells what remains, where and until when',
      body: eraseBody,
      answers: { 200: erasedShape },
      example: { body: { user: 'grace' } },
      object: ({ tenant, body }) => ('user' in body ? `${tenant}/${body.user}` : body.wholeTenant),
      handle: async (call) => {
        const subject = await mayErase(gateway, call);
        const erased = await privacy.erase(subject);
        return {
          status: 200,
          body: { ...subject, erased, remains: remainsOf(factsOf(gateway, subject)) },
        };
      },
    }),
  ];
}

type EraseCall = AdminCall<unknown, unknown, z.output<typeof eraseBody>>;

async function mayErase(gateway: Gateway, { actor, tenant, body }: EraseCall): Promise<Subject> {
  if ('user' in body) {
    const place = { kind: 'user', tenant, name: body.user } as const;
    const before = await gateway.lasting.followed.directory.find(place);
    if (before?.kind === 'user') assertGrants(actor, { before });
    return { tenant, user: body.user };
  }
  const { homeTenant } = gateway.snapshot.config.identity;
  if (body.wholeTenant !== tenant) {
    throw fail('invalid_request', `\`wholeTenant\` must be ${tenant}, the tenant that this call is about`, {
      param: 'wholeTenant',
    });
  }
  if (tenant === homeTenant) {
    throw fail('conflict', `${homeTenant} is the tenant that runs the gateway: erase its users one by one`);
  }
  if (actor.role !== 'owner') throw fail('forbidden', 'a whole tenant is erased by an owner');
  return { tenant };
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
