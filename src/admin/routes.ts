/** The admin API: what exists under `/admin/api/v1`, one row a route. */

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { metricsType } from '../telemetry/metrics.ts';
import { viewRunning } from './running-models.ts';
import {
  configShape,
  keysShape,
  modelsShape,
  psShape,
  reloadedShape,
  statusShape,
  upstreamsShape,
} from './shapes.ts';
import { exchangesCsv, usageCsv, viewExchanges, viewUsage } from './usage.ts';
import { exchangesQuery, exchangesShape, usageQuery, usageShape } from './usage-shapes.ts';
import { type Seen, viewConfig, viewKeys, viewModels, viewStatus, viewUpstreams } from './views.ts';
import type { ZodTypes } from './zod-types.ts';

export type AdminServer = FastifyInstance<
  Server,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypes
>;

export function addRoutes(server: AdminServer, seen: Seen): void {
  const api = '/admin/api/v1';
  server.get(`${api}/status`, { schema: { response: { 200: statusShape } } }, () => viewStatus(seen));
  server.get(`${api}/config`, { schema: { response: { 200: configShape } } }, () => viewConfig(seen));
  server.get(`${api}/upstreams`, { schema: { response: { 200: upstreamsShape } } }, () =>
    viewUpstreams(seen),
  );
  server.get(`${api}/models`, { schema: { response: { 200: modelsShape } } }, () => viewModels(seen));
  server.get(`${api}/ps`, { schema: { response: { 200: psShape } } }, () => viewRunning(seen.gateway));
  server.get(`${api}/keys`, { schema: { response: { 200: keysShape } } }, () => viewKeys(seen));
  server.get(`${api}/usage`, { schema: { querystring: usageQuery } }, async ({ query }, reply) => {
    const usage = await viewUsage(
      seen.gateway.lasting.store.ledger,
      query,
      seen.gateway.lasting.clock.wall(),
    );
    if (query.format === 'csv') return reply.type(csvType).send(usageCsv(usage));
    return reply.send(usageShape.parse(usage));
  });
  server.get(`${api}/exchanges`, { schema: { querystring: exchangesQuery } }, async ({ query }, reply) => {
    const page = await viewExchanges(
      seen.gateway.lasting.store.ledger,
      query,
      seen.gateway.lasting.clock.wall(),
    );
    if (page.next !== undefined) reply.header('link', `<?${nextPage(query, page.next)}>; rel="next"`);
    if (query.format === 'csv') return reply.type(csvType).send(exchangesCsv(page));
    return reply.send(exchangesShape.parse(page));
  });
  const reloads = { schema: { response: { 200: reloadedShape, 422: reloadedShape } } };
  server.post(`${api}/config/reload`, reloads, async (_request, reply) => {
    const reloaded = await seen.reloader.reload('command');
    return reply.code(reloaded.outcome === 'refused' ? 422 : 200).send(structuredClone(reloaded) as never);
  });
  server.post(`${api}/config/check`, reloads, async (_request, reply) => {
    const checked = await seen.reloader.check();
    return reply.code(checked.outcome === 'refused' ? 422 : 200).send(structuredClone(checked) as never);
  });
}

const csvType = 'text/csv; charset=utf-8';

function nextPage(query: Readonly<Record<string, unknown>>, after: string): URLSearchParams {
  const said = Object.entries({ ...query, after }).filter(([, value]) => value !== undefined);
  return new URLSearchParams(said.map(([name, value]) => [name, String(value)]));
}

/** For orchestrators, which have no token: they learn whether we live and take work, and nothing else. */
export function addProbes(server: AdminServer, { gateway }: Seen): void {
  server.get('/livez', () => 'ok');
  server.get('/readyz', (_request, reply) => {
    const ready = gateway.lasting.accepting();
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'draining' });
  });
}

export function addMetrics(server: AdminServer, { gateway }: Seen): void {
  server.get('/metrics', (_request, reply) => {
    reply.type(metricsType).send(gateway.lasting.metrics.render());
  });
}
