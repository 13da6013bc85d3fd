/** The audit log, to be read and to be proved. */
import { z } from 'zod';
import type { AuditRecord } from '../core/audit.ts';
import type { Audit } from '../core/ports.ts';
import { nextPage } from './next-page.ts';
import { type AdminRoute, adminRoute, api, tenantQuery } from './route.ts';

const number = z.coerce.number().int().min(0);

const auditQuery = z.strictObject({
  ...tenantQuery,
  before: number.optional().describe('Records before this number; from the newest on where it is absent.'),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

export const auditShape = z.object({
  items: z.array(
    z.object({
      number: z.int(),
      at: z.iso.datetime(),
      actor: z.string(),
      tenant: z.string(),
      address: z.string(),
      action: z.string(),
      object: z.string(),
      outcome: z.enum(['begun', 'done', 'refused', 'failed']),
      detail: z.record(z.string(), z.unknown()),
      digest: z.string(),
    }),
  ),
  /** Give it as `before` for the next page; absent on the last. */
  next: z.int().optional(),
});

const verifyQuery = z.strictObject({
  number: number.default(0).describe('Of the record that is known already; 0 for the beginning.'),
  digest: z.string().max(128).default('').describe('Of the record that is known already.'),
});

export const verdictShape = z.discriminatedUnion('sound', [
  z.object({
    sound: z.literal(true),
    upTo: z.object({ number: z.int(), digest: z.string() }),
    /** Whether there are more records: ask again with `upTo`. */
    more: z.boolean(),
  }),
  z.object({ sound: z.literal(false), brokenAt: z.int(), reason: z.string() }),
]);

const verifiedPerCall = 20_000;

export function auditRoutes(audit: Audit): readonly AdminRoute[] {
  const common = { method: 'GET', permission: 'audit:read', tag: 'audit' } as const;
  return [
    adminRoute({
      ...common,
      name: 'audit.list',
      path: `${api}/audit`,
      scope: 'tenant',
      summary: 'What was changed and who signed in, the newest first, a page at a time',
      query: auditQuery,
      answers: { 200: auditShape },
      example: { query: { limit: '20' } },
      handle: async ({ query, tenant, everyTenant }) => {
        const { before, limit } = query;
        const records = await audit.page({
          rowsMax: limit + 1,
          ...(before === undefined ? {} : { before }),
          ...(everyTenant ? {} : { tenant }),
        });
        const items = records.slice(0, limit).map(viewRecord);
        const next = records.length > limit ? items.at(-1)?.number : undefined;
        return {
          status: 200,
          body: next === undefined ? { items } : { items, next },
          headers: nextPage(query, { before: next }),
        };
      },
    }),
    adminRoute({
      ...common,
      name: 'audit.verify',
      dear: true,
      path: `${api}/audit/verify`,
      scope: 'gateway',
      summary: 'Whether the records follow from one another, some thousands at a time',
      query: verifyQuery,
      answers: { 200: verdictShape },
      example: { query: { number: '0' } },
      handle: async ({ query }) => ({ status: 200, body: await audit.verify(query, verifiedPerCall) }),
    }),
  ];
}

function viewRecord({ atMs, ...record }: AuditRecord): z.input<typeof auditShape>['items'][number] {
  return { ...record, at: new Date(atMs).toISOString() };
}
