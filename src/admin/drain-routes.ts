/** Taking a server out of use without a word lost, and back: because somebody says so. */
import { z } from 'zod';
import type { Upstream } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';
import { name } from '../lib/options.ts';
import type { Gateway } from '../wiring/gateway.ts';
import { bodiesOf, sumOf } from './gathering.ts';
import { type AdminRoute, adminRoute, api } from './route.ts';

export const drainedShape = z.object({
  upstream: z.string(),
  drained: z.boolean(),
  moved: z.int().describe('Streams that are said by other servers from now on.'),
  inFlight: z.int().describe('What is still under way there, in this gateway; it may end there.'),
  everywhere: z.boolean().describe('Whether all replicas know; else this one alone, until they can be told.'),
  warnings: z.array(z.string()),
});
type Drained = z.input<typeof drainedShape>;

const orders = {
  drain: 'Sends nothing new to an upstream, and has its streams gone on with elsewhere where that can be',
  resume: 'Sends requests to a drained upstream again',
} as const;
type Order = keyof typeof orders;

/** Of many models, so many are named. */
const namedMax = 10;

export function drainRoutes(gateway: Gateway): readonly AdminRoute[] {
  return (Object.keys(orders) as Order[]).map((order) =>
    adminRoute({
      name: `upstreams.${order}`,
      method: 'POST',
      path: `${api}/upstreams/:name/${order}`,
      permission: 'upstreams:write',
      scope: 'gateway',
      tag: 'state',
      summary: orders[order],
      params: z.strictObject({ name }),
      answers: { 200: drainedShape },
      example: { params: { name: 'gpu-b' } },
      object: (call) => call.params.name,
      handle: async (call) => {
        const upstream = gateway.snapshot.upstreams.find((one) => one.name === call.params.name);
        if (upstream === undefined) throw fail('not_found', `there is no upstream ${call.params.name}`);
        const { drains, scheduler } = gateway.lasting;
        const { moved, told } = await drains[order](upstream, call.actor.name);
        const warnings = [
          ...(told ? [] : [untold]),
          ...(order === 'drain' ? unservedOf(gateway, upstream) : []),
        ];
        const inFlight = scheduler.inFlight(upstream);
        const drained = order === 'drain';
        return {
          status: 200,
          body: { upstream: upstream.name, drained, moved, inFlight, everywhere: told, warnings },
        };
      },
      gather: async (gathered) => {
        const all = bodiesOf(gathered);
        return all.length === 0 ? await gathered.own() : { status: 200, body: togetherOf(all) };
      },
    }),
  );
}

const untold =
  'the other replicas could not be told, because what they share is away: this one goes by it alone until it is back';

function togetherOf(all: readonly Drained[]): Drained {
  const [first] = all;
  if (first === undefined) throw fail('internal', 'nobody has answered');
  return {
    ...first,
    moved: sumOf(all, ({ moved }) => moved),
    inFlight: sumOf(all, ({ inFlight }) => inFlight),
    everywhere: all.every(({ everywhere }) => everywhere),
    warnings: [...new Set(all.flatMap(({ warnings }) => warnings))],
  };
}

/** Models that nobody is left to serve. */
function unservedOf({ snapshot, lasting }: Gateway, drained: Upstream): readonly string[] {
  const { drains, health, catalogue } = lasting;
  const isOut = (upstream: Upstream) =>
    drains.of(upstream) !== undefined || health.of(upstream).state === 'down';
  const serversOf = (model: string): readonly Upstream[] => {
    const targets = snapshot.models.configured(model)?.targets;
    return (
      targets?.map(({ upstream }) => upstream) ??
      snapshot.upstreams.filter((upstream) => catalogue.of(upstream).includes(model))
    );
  };
  const unserved = snapshot.models.names().filter((model) => {
    const servers = serversOf(model);
    return servers.some(({ identity }) => identity === drained.identity) && servers.every(isOut);
  });
  if (unserved.length === 0) return [];
  const more = unserved.length > namedMax ? ` and ${unserved.length - namedMax} more` : '';
  return [
    `nobody is left to serve ${unserved.slice(0, namedMax).join(', ')}${more}: requests are refused with 503`,
  ];
}
