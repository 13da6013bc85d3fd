/** Secrets that `store:NAME` in the configuration refers to, and the master key that seals them. Values never come back. */
import { z } from 'zod';
import { fail } from '../core/failure.ts';
import type { SecretFacts } from '../stores/sql/secret-rows.ts';
import { createStoredSecrets } from '../stores/stored-secrets.ts';
import { type Rewrapped, rewrapDataKeys } from '../stores/wrapped-key.ts';
import { secretsChannel } from '../wiring/follow-secrets.ts';
import type { Lasting } from '../wiring/lasting.ts';
import { listQuery, pageOfAll } from './listed-page.ts';
import { nextPage } from './next-page.ts';
import { type AdminRoute, adminRoute, api } from './route.ts';
import {
  rotateBody,
  rotatedShape,
  secretName,
  secretShape,
  secretsShape,
  secretValue,
} from './secret-shapes.ts';

export type SecretRoutesOptions = Pick<Lasting, 'store' | 'sealers' | 'masterKeys' | 'shared' | 'clock'>;

export function secretRoutes(options: SecretRoutesOptions): readonly AdminRoute[] {
  const { store, sealers, masterKeys, shared, clock } = options;
  const secrets = createStoredSecrets({ rows: store.secretRows, sealers, clock });
  // All replicas read theirs again; one that does not hear of it does so within `secrets.refreshMs`.
  const tell = (name: string) => shared.presence.publish(secretsChannel, name);
  const common = { scope: 'gateway', tag: 'secrets' } as const;
  const named = { ...common, permission: 'secrets:write', path: `${api}/secrets/:name` } as const;
  const params = z.strictObject({ name: secretName });
  return [
    adminRoute({
      ...common,
      name: 'secrets.list',
      method: 'GET',
      path: `${api}/secrets`,
      permission: 'secrets:read',
      summary: 'The names of the secrets in the store, and when they were changed',
      query: listQuery,
      answers: { 200: secretsShape },
      example: {},
      handle: async ({ query }) => {
        const page = pageOfAll((await secrets.list()).map(view), query, ({ name }) => [name]);
        return { status: 200, body: page, headers: nextPage(query, { after: page.next }) };
      },
    }),
    adminRoute({
      ...named,
      name: 'secrets.put',
      method: 'PUT',
      summary: 'Keeps a secret, sealed; `store:NAME` in the configuration refers to it',
      params,
      body: z.strictObject({ value: secretValue }),
      answers: { 200: secretShape },
      example: { params: { name: 'openai' }, body: { value: 'the secret itself' } },
      object: ({ params: { name } }) => name,
      detail: () => ({}),
      handle: async ({ actor, params: { name }, body }) => {
        const kept = await secrets.put(name, body.value, actor.name);
        await tell(name);
        return { status: 200, body: view(kept) };
      },
    }),
    adminRoute({
      ...named,
      name: 'secrets.remove',
      method: 'DELETE',
      summary: 'Removes a secret; a configuration that still refers to it is refused at its next reload',
      params,
      answers: { 204: z.undefined() },
      example: { params: { name: 'openai' } },
      object: ({ params: { name } }) => name,
      handle: async ({ params: { name } }) => {
        if (!(await secrets.remove(name))) throw fail('not_found', `there is no secret ${name}`);
        return { status: 204, body: undefined };
      },
    }),
    adminRoute({
      ...common,
      name: 'secrets.rotate',
      method: 'POST',
      path: `${api}/secrets/rotate`,
      permission: 'secrets:write',
      summary:
        'Brings some of the data keys under the master key in use; again with `next` until there is none',
      body: rotateBody,
      answers: { 200: rotatedShape },
      example: { body: {} },
      object: () => masterKeys.current.id,
      detail: () => ({}),
      handle: async ({ body: { after } }) => ({
        status: 200,
        body: viewRewrapped(await rewrapDataKeys(store.dataKeys, masterKeys, after)),
      }),
    }),
  ];
}

function view({ name, version, updatedAtMs, updatedBy }: SecretFacts): z.input<typeof secretShape> {
  return { name, version, updatedAt: new Date(updatedAtMs).toISOString(), updatedBy };
}

function viewRewrapped({ rewrapped, left, next }: Rewrapped): z.input<typeof rotatedShape> {
  return { rewrapped, left: [...left], next };
}
