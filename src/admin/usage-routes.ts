/** What was used and what it cost: for a whole gateway, or for one tenant by itself. */

import { nextPage } from './next-page.ts';
import { type AdminCall, type AdminRoute, adminRoute, api } from './route.ts';
import { exchangesCsv, usageCsv, viewExchanges, viewUsage } from './usage.ts';
import { exchangesQuery, exchangesShape, usageQuery, usageShape } from './usage-shapes.ts';
import type { Seen } from './views.ts';

export function usageRoutes({ gateway }: Seen): readonly AdminRoute[] {
  const { clock, store } = gateway.lasting;
  return [
    adminRoute({
      name: 'usage.sum',
      dear: true,
      method: 'GET',
      path: `${api}/usage`,
      permission: 'usage:read',
      scope: 'tenant',
      tag: 'usage',
      summary: 'Sums by any dimension, from and to any day',
      query: usageQuery,
      answers: { 200: usageShape },
      alsoAs: [csvType],
      example: { query: { by: 'day,model', from: '2026-11-01' } },
      handle: async (call) => {
        const usage = await viewUsage(store.ledger, withTenant(call), clock.wall());
        if (call.query.format === 'csv') return { status: 200, type: csvType, text: usageCsv(usage) };
        return { status: 200, body: usage };
      },
    }),
    adminRoute({
      name: 'exchanges.list',
      dear: true,
      method: 'GET',
      path: `${api}/exchanges`,
      permission: 'usage:read',
      scope: 'tenant',
      tag: 'usage',
      summary: 'The exchanges themselves, a page at a time',
      query: exchangesQuery,
      answers: { 200: exchangesShape },
      alsoAs: [csvType],
      example: { query: { limit: '10', model: 'gemma' } },
      handle: async (call) => {
        const page = await viewExchanges(store.ledger, withTenant(call), clock.wall());
        const headers = nextPage(call.query, { after: page.next });
        if (call.query.format === 'csv') {
          return { status: 200, type: csvType, text: exchangesCsv(page), headers };
        }
        return { status: 200, body: page, headers };
      },
    }),
  ];
}

export const csvType = 'text/csv; charset=utf-8';

/** Rows are found by the tenant that the caller may see, and never by what stands in the query alone. */
export function withTenant<Query extends object>({
  query,
  tenant,
  everyTenant,
}: AdminCall<unknown, Query>): Omit<Query, 'tenant'> & { tenant: string | undefined } {
  return { ...query, tenant: everyTenant ? undefined : tenant };
}
