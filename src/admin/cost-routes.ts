/** What was saved, for a tenant or for all; and what everything truly cost, for those who run the gateway. */
import { costFactsOf } from './cost-facts.ts';
import { costsQuery, costsShape, savingsQuery, savingsShape } from './cost-shapes.ts';
import { costsCsv, viewCosts } from './costs.ts';
import { type AdminRoute, adminRoute, api } from './route.ts';
import { savingsCsv, viewSavings } from './savings.ts';
import { csvType, withTenant } from './usage-routes.ts';
import type { Seen } from './views.ts';

export function costRoutes({ gateway }: Seen): readonly AdminRoute[] {
  const { clock, store } = gateway.lasting;
  return [
    adminRoute({
      name: 'savings.sum',
      dear: true,
      method: 'GET',
      path: `${api}/savings`,
      permission: 'usage:read',
      scope: 'tenant',
      tag: 'usage',
      summary: 'What was saved against the premium model, by cache, routing and self-hosting',
      query: savingsQuery,
      answers: { 200: savingsShape },
      alsoAs: [csvType],
      example: { query: { by: 'model', from: '2026-11-01' } },
      handle: async (call) => {
        const { premium } = gateway.snapshot.config.prices;
        const asked = { query: withTenant(call), premium, nowMs: clock.wall() };
        const savings = await viewSavings(store.ledger, asked);
        if (call.query.format === 'csv') return { status: 200, type: csvType, text: savingsCsv(savings) };
        return { status: 200, body: savings };
      },
    }),
    adminRoute({
      name: 'costs.show',
      dear: true,
      method: 'GET',
      path: `${api}/costs`,
      permission: 'usage:read',
      scope: 'gateway',
      tag: 'usage',
      summary:
        'What everything truly cost, idle servers included; whether servers pay, and what is too large',
      query: costsQuery,
      answers: { 200: costsShape },
      alsoAs: [csvType],
      example: { query: { from: '2026-11-01' } },
      handle: async ({ query }) => {
        const facts = costFactsOf(gateway, query.against);
        const costs = await viewCosts(store.ledger, { query, nowMs: clock.wall(), facts });
        if (query.format === 'csv') return { status: 200, type: csvType, text: costsCsv(costs) };
        return { status: 200, body: costs };
      },
    }),
  ];
}
