/** Single parts of the configuration, shown and changed: each change is a version of the whole. */
import { z } from 'zod';
import { nodeAt, plainValue } from '../config/placed.ts';
import { aside } from '../config/yaml-aside.ts';
import type { BudgetStanding } from '../core/budget.ts';
import type { JsonObject } from '../core/call.ts';
import type { AdminPermission } from '../identity/permissions.ts';
import { modelName, name } from '../lib/options.ts';
import { applyChange } from './applying.ts';
import { appliedShape, forceQuery, refusedShape } from './config-shapes.ts';
import { next, pageOfAll, paging } from './listed-page.ts';
import { nextPage } from './next-page.ts';
import { type AdminRoute, adminRoute, api, plainText, tenantQuery } from './route.ts';
import type { Seen } from './views.ts';

const common = { scope: 'gateway', tag: 'configuration', ifMatch: 'required', query: forceQuery } as const;
const answers = { 200: appliedShape, 422: refusedShape } as const;

interface NamedPart {
  readonly plural: 'upstreams' | 'models' | 'prices';
  readonly one: string;
  readonly permission: AdminPermission;
  readonly name: z.ZodString | typeof modelName;
  readonly example: { readonly name: string; readonly body: JsonObject };
}

const named: readonly NamedPart[] = [
  {
    plural: 'upstreams',
    one: 'an upstream',
    permission: 'upstreams:write',
    name,
    example: { name: 'gpu-b', body: { type: 'ollama', url: 'http://10.0.0.12:11434' } },
  },
  {
    plural: 'models',
    one: 'a model',
    permission: 'config:write',
    name: modelName,
    example: { name: 'gemma', body: { targets: [{ upstream: 'gpu-b', model: 'gemma2:2b' }] } },
  },
  {
    plural: 'prices',
    one: 'the price of a model or server',
    permission: 'budgets:write',
    name: modelName,
    example: { name: 'gemma', body: { inputPerM: 0.05, outputPerM: 0.1 } },
  },
];

interface ListPart {
  readonly key: 'limits' | 'budgets';
  readonly permission: AdminPermission;
  readonly example: JsonObject;
}

const lists: readonly ListPart[] = [
  { key: 'limits', permission: 'config:write', example: { per: 'key', requests: '600/min' } },
  { key: 'budgets', permission: 'budgets:write', example: { per: 'tenant', usd: 100, window: 'month' } },
];

/** As in the file: `docs/configuration.md` has it, and whatever does not fit is refused with its place. */
const asInFile = z.record(z.string().max(256), z.unknown());
const entriesMax = 10_000;

export function partRoutes(seen: Seen): readonly AdminRoute[] {
  return [
    ...named.flatMap((part) => namedRoutes(seen, part)),
    ...lists.map((part) => listRoute(seen, part)),
    ...shownRoutes(seen),
  ];
}

function namedRoutes(seen: Seen, part: NamedPart): readonly AdminRoute[] {
  const { plural, one, permission, example } = part;
  const params = z.strictObject({ name: part.name });
  const path = `${api}/${plural}/:name`;
  const at = { ...common, permission, path, params } as const;
  return [
    adminRoute({
      ...at,
      name: `${plural}.put`,
      method: 'PUT',
      summary: `Sets ${one}, as it would stand under \`${plural}\` in the configuration`,
      body: asInFile,
      answers,
      example: { params: { name: example.name }, body: example.body },
      object: ({ params: { name: object } }) => object,
      handle: async (call) =>
        await applyChange(seen, call, {
          source: 'applied',
          note: `${plural}.${call.params.name}`,
          text: (text) =>
            aside('withPart', { text, path: [plural, call.params.name], value: call.body }, text.length),
        }),
    }),
    adminRoute({
      ...at,
      name: `${plural}.remove`,
      method: 'DELETE',
      summary: `Takes ${one} out of the configuration`,
      answers,
      example: { params: { name: example.name } },
      object: ({ params: { name: object } }) => object,
      handle: async (call) =>
        await applyChange(seen, call, {
          source: 'applied',
          note: `${plural}.${call.params.name} removed`,
          text: (text) => aside('withoutPart', { text, path: [plural, call.params.name] }, text.length),
        }),
    }),
  ];
}

function listRoute(seen: Seen, { key, permission, example }: ListPart): AdminRoute {
  return adminRoute({
    ...common,
    name: `${key}.put`,
    method: 'PUT',
    path: `${api}/${key}`,
    permission,
    summary: `Sets all the ${key}, as they would stand under \`${key}\` in the configuration`,
    body: z.strictObject({ items: z.array(asInFile).max(entriesMax) }),
    answers,
    example: { body: { items: [example] } },
    handle: async (call) =>
      await applyChange(seen, call, {
        source: 'applied',
        note: key,
        text: (text) => aside('withPart', { text, path: [key], value: call.body.items }, text.length),
      }),
  });
}

const limitsShape = z.object({ items: z.array(z.record(z.string(), z.unknown())) });
const pricesShape = z.object({ prices: z.record(z.string(), z.unknown()) });

export const standingsShape = z.object({
  items: z.array(
    z.object({
      name: z.string(),
      per: z.string(),
      /** Whose it is, as `tenant` or `tenant/name`; empty for everybody's. */
      holder: z.string(),
      unit: z.enum(['usd', 'tokens', 'requests']),
      limit: z.number(),
      spent: z.number(),
      /** Set aside for what runs now. */
      reserved: z.number(),
      windowStart: z.iso.datetime(),
      /** Absent where the window never ends. */
      windowEnd: z.iso.datetime().optional(),
    }),
  ),
  next,
});

const standingsQuery = z.strictObject({
  ...tenantQuery,
  ...paging,
  holder: plainText
    .max(600)
    .optional()
    .describe('Whose it is, as an answer has it: `acme`, `acme/ann`; empty for everybody’s.'),
});

function shownRoutes({ gateway, applied, reloader }: Seen): readonly AdminRoute[] {
  /** As it is written; as it is in force where it is not. */
  const written = <Key extends 'limits' | 'prices'>(key: Key): unknown => {
    const node = nodeAt(reloader.loaded.half.written, [key]);
    return node === undefined ? gateway.snapshot.config[key] : plainValue(node);
  };
  const shown = { scope: 'gateway', tag: 'configuration', method: 'GET', etag: true, example: {} } as const;
  return [
    adminRoute({
      ...shown,
      name: 'limits.list',
      path: `${api}/limits`,
      permission: 'config:read',
      summary: 'The limits, as they are written; those that hold where none are',
      answers: { 200: limitsShape },
      handle: () => {
        const body = { items: written('limits') } as z.input<typeof limitsShape>;
        return { status: 200, body, headers: { etag: applied.tag } };
      },
    }),
    adminRoute({
      ...shown,
      name: 'prices.list',
      path: `${api}/prices`,
      permission: 'prices:read',
      summary: 'The prices that the configuration names; the others are the catalogue’s',
      answers: { 200: pricesShape },
      handle: () => {
        const body = { prices: written('prices') } as z.input<typeof pricesShape>;
        return { status: 200, body, headers: { etag: applied.tag } };
      },
    }),
    adminRoute({
      ...shown,
      scope: 'tenant',
      name: 'budgets.list',
      path: `${api}/budgets`,
      permission: 'budgets:read',
      summary: 'How far each budget is spent, of those that anybody has touched since its window began',
      query: standingsQuery,
      answers: { 200: standingsShape },
      handle: async ({ query, tenant, everyTenant }) => {
        const all = await gateway.snapshot.budgets.standings();
        const asked = all
          .filter(({ holder }) => everyTenant || isOf(holder, tenant))
          .filter(({ holder }) => query.holder === undefined || holder === query.holder)
          .map(viewStanding);
        const body = pageOfAll(asked, query, ({ name, per, holder, unit }) => [name, per, holder, unit]);
        return {
          status: 200,
          body,
          headers: { etag: applied.tag, ...nextPage(query, { after: body.next }) },
        };
      },
    }),
  ];
}

function isOf(holder: string, tenant: string): boolean {
  return holder === tenant || holder.startsWith(`${tenant}/`);
}

const nanoUsdPerUsd = 1_000_000_000;

function viewStanding({ windowStartMs, windowEndMs, ...standing }: BudgetStanding) {
  const scale = standing.unit === 'usd' ? nanoUsdPerUsd : 1;
  return {
    ...standing,
    limit: standing.limit / scale,
    spent: standing.spent / scale,
    reserved: standing.reserved / scale,
    windowStart: new Date(windowStartMs).toISOString(),
    ...(windowEndMs === 0 ? {} : { windowEnd: new Date(windowEndMs).toISOString() }),
  };
}
