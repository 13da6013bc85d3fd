/** How the gateway is: its state, its fleet; and what orchestrators ask without a credential. */
import { z } from 'zod';
import { degradedNames } from '../answers/degraded-names.ts';
import { reportDependencies } from '../answers/dependencies.ts';
import { dependencyReport } from '../openapi/probes.ts';
import { metricsType } from '../telemetry/metrics.ts';
import {
  gatherDependencies,
  gatherModels,
  gatherRunning,
  gatherStatus,
  gatherUpstreams,
} from './gathered-views.ts';
import { bodiesOf } from './gathering.ts';
import { listQuery, pageOfAll } from './listed-page.ts';
import { nextPage } from './next-page.ts';
import { queueRoute } from './queue-route.ts';
import { type AdminRoute, adminRoute, api } from './route.ts';
import { viewRunning } from './running-models.ts';
import { configuredKeysShape, modelsShape, psShape, statusShape, upstreamsShape } from './shapes.ts';
import { type Live, viewConfiguredKeys, viewModels, viewStatus, viewUpstreams } from './views.ts';

export function stateRoutes(seen: Live): readonly AdminRoute[] {
  return [
    adminRoute({
      name: 'status.show',
      method: 'GET',
      path: `${api}/status`,
      permission: 'status:read',
      scope: 'gateway',
      tag: 'state',
      summary: 'How the gateway is',
      answers: { 200: statusShape },
      example: {},
      handle: () => ({ status: 200, body: viewStatus(seen) }),
      gather: async ({ own, answers }) => {
        const mine = await own();
        const told = answers.flatMap(({ worker, answer }) =>
          'body' in answer ? [{ worker, answer: answer.body }] : [],
        );
        return 'body' in mine ? { status: 200, body: gatherStatus(mine.body, told) } : mine;
      },
    }),
    adminRoute({
      name: 'upstreams.list',
      method: 'GET',
      path: `${api}/upstreams`,
      permission: 'upstreams:read',
      scope: 'gateway',
      tag: 'state',
      summary: 'The upstreams, and what is known of them',
      query: listQuery,
      answers: { 200: upstreamsShape },
      example: {},
      handle: ({ query }) => upstreamsPage(viewUpstreams(seen), query),
      gather: (gathered) => upstreamsPage(gatherUpstreams(bodiesOf(gathered)), gathered.query),
    }),
    adminRoute({
      name: 'models.list',
      method: 'GET',
      path: `${api}/models`,
      permission: 'models:read',
      scope: 'gateway',
      tag: 'state',
      summary: 'The models, and where they are served',
      query: listQuery,
      answers: { 200: modelsShape },
      example: {},
      handle: ({ query }) => modelsPage(viewModels(seen), query),
      gather: (gathered) => modelsPage(gatherModels(bodiesOf(gathered)), gathered.query),
    }),
    adminRoute({
      name: 'models.running',
      method: 'GET',
      path: `${api}/ps`,
      permission: 'status:read',
      scope: 'gateway',
      tag: 'state',
      summary: 'What runs at this moment',
      answers: { 200: psShape },
      example: {},
      handle: () => ({ status: 200, body: viewRunning(seen.gateway) }),
      gather: (gathered) => ({ status: 200, body: gatherRunning(bodiesOf(gathered)) }),
    }),
    queueRoute(seen),
    configuredKeysRoute(seen),
  ];
}

function configuredKeysRoute(seen: Live): AdminRoute {
  return adminRoute({
    name: 'configured-keys.list',
    method: 'GET',
    path: `${api}/configured-keys`,
    permission: 'config:read',
    scope: 'gateway',
    tag: 'keys',
    summary:
      'The keys that stand in no store: of the configuration, and the first one; never the keys themselves',
    query: listQuery,
    answers: { 200: configuredKeysShape },
    example: {},
    handle: ({ query }) => {
      const { auth, keys } = viewConfiguredKeys(seen);
      const { items, ...rest } = pageOfAll(keys, query, ({ name, from }) => [name, from]);
      return { status: 200, body: { auth, keys: items, ...rest }, headers: headersOf(query, rest) };
    },
  });
}

type ListQuery = z.output<typeof listQuery>;

/** Each worker gives the first of its own: the first of all are among them. */
function upstreamsPage({ upstreams, next }: z.input<typeof upstreamsShape>, query: ListQuery) {
  const { items, ...rest } = pageOfAll(upstreams, query, ({ name }) => [name]);
  const more = { ...(next === undefined ? {} : { next }), ...rest };
  return { status: 200 as const, body: { upstreams: items, ...more }, headers: headersOf(query, more) };
}

function modelsPage({ models, next, ...told }: z.input<typeof modelsShape>, query: ListQuery) {
  const { items, ...rest } = pageOfAll(models, query, ({ name }) => [name]);
  const more = { ...(next === undefined ? {} : { next }), ...rest };
  return { status: 200 as const, body: { ...told, models: items, ...more }, headers: headersOf(query, more) };
}

function headersOf(query: ListQuery, { next }: { readonly next?: string }) {
  return nextPage(query, { after: next });
}

/** At the root, as orchestrators and Prometheus expect them. They have no credential, and learn whether we live. */
export function probeRoutes({ gateway }: Pick<Live, 'gateway'>): readonly AdminRoute[] {
  const plain = { scope: 'gateway', tag: 'probes', method: 'GET', example: {} } as const;
  return [
    adminRoute({
      ...plain,
      name: 'livez',
      path: '/livez',
      permission: 'public',
      summary: 'Whether the process lives',
      answers: {},
      alsoAs: ['text/plain'],
      handle: () => ({ status: 200, type: 'text/plain; charset=utf-8', text: 'ok' }),
    }),
    adminRoute({
      ...plain,
      name: 'readyz',
      path: '/readyz',
      permission: 'public',
      summary: 'Whether it takes work',
      answers: { 200: readyShape, 503: readyShape },
      handle: () => {
        const status = gateway.lasting.readiness();
        const body = { status, degraded: [...degradedNames(gateway.lasting.degraded())] };
        return status === 'ready' ? { status: 200, body } : { status: 503, body };
      },
      // The kernel brings clients to those alone that take connections.
      gather: ({ answers }) => {
        const [first] = answers.map(({ answer }) => answer).sort((one, other) => one.status - other.status);
        if (first !== undefined) return first;
        const body = { status: 'starting' as const, degraded: [] };
        return { status: 503, body };
      },
    }),
    adminRoute({
      ...plain,
      name: 'dependencies',
      path: '/healthz/deps',
      permission: 'metrics',
      summary: 'What the gateway stands on, and since when it is as it is',
      answers: { 200: dependencyReport },
      handle: () => ({
        status: 200,
        body: reportDependencies({
          dependencies: gateway.lasting.dependencies,
          upstreams: gateway.snapshot.upstreams,
          health: gateway.lasting.health,
        }),
      }),
      gather: async (gathered) => {
        const own = await gathered.own();
        return 'body' in own ? { status: 200, body: gatherDependencies(own.body, bodiesOf(gathered)) } : own;
      },
    }),
    adminRoute({
      ...plain,
      name: 'metrics',
      path: '/metrics',
      permission: 'metrics',
      summary: 'Counters for Prometheus',
      answers: {},
      alsoAs: ['text/plain'],
      handle: async () => ({ status: 200, type: metricsType, text: await gateway.lasting.renderMetrics() }),
    }),
  ];
}

const readyShape = z.object({
  status: z.enum(['ready', 'starting', 'full', 'draining']),
  /** What it does without meanwhile. */
  degraded: z.array(z.string()),
});
