/** Loading models into servers' memory, and unloading them, because somebody says so. */
import { z } from 'zod';
import type { Target } from '../core/exchange.ts';
import { asFailure, fail } from '../core/failure.ts';
import { firstTier } from '../fleet/warming.ts';
import { modelName, name } from '../lib/options.ts';
import type { Gateway } from '../wiring/gateway.ts';
import { type AdminRoute, adminRoute, api } from './route.ts';

export const orderedShape = z.object({
  servers: z.array(
    z.object({
      upstream: z.string(),
      model: z.string().describe('As that upstream calls it.'),
      done: z.boolean(),
      tookMs: z.int(),
      says: z.string().describe('Why it was not done; empty when it was.'),
    }),
  ),
});

const params = z.strictObject({ name: modelName });
const body = z.strictObject({
  on: name
    .optional()
    .describe(
      'The upstream that is to do it. When absent: to load, every one of the model’s first tier; to unload, every one.',
    ),
});

const orders = {
  load: 'Loads a model into the memory of its servers, and waits until it is there',
  unload: 'Takes a model out of the memory of its servers; who works with it ends first',
} as const;
type Order = keyof typeof orders;

export function warmRoutes(gateway: Gateway): readonly AdminRoute[] {
  return (Object.keys(orders) as Order[]).map((order) =>
    adminRoute({
      name: `models.${order}`,
      method: 'POST',
      path: `${api}/models/:name/${order}`,
      permission: 'upstreams:write',
      scope: 'gateway',
      tag: 'state',
      summary: orders[order],
      params,
      body,
      answers: { 200: orderedShape },
      example: { params: { name: 'gemma' }, body: { on: 'gpu-b' } },
      object: (call) => call.params.name,
      handle: async (call) => {
        const targets = targetsFor(gateway, { order, model: call.params.name, on: call.body.on });
        const servers = await Promise.all(targets.map((target) => obey(gateway, order, target)));
        return { status: 200, body: { servers } };
      },
      // All of them did the same at the same servers.
      gather: ({ own, answers }) => answers[0]?.answer ?? own(),
    }),
  );
}

interface Asked {
  readonly order: Order;
  readonly model: string;
  readonly on: string | undefined;
}

function targetsFor({ snapshot, lasting }: Gateway, { order, model, on }: Asked): readonly Target[] {
  const all = snapshot.models
    .require(model)
    .targets.filter(({ upstream }) => on === undefined || upstream.name === on);
  if (all.length === 0) throw fail('invalid_request', `${model} is not served by ${on}`, { param: 'on' });
  const { loader } = lasting.warm;
  const able = all.filter((target) =>
    order === 'unload' ? loader.canUnload(target) : loader.canLoad(target),
  );
  if (able.length === 0)
    throw fail('unsupported', `no server of ${model} takes orders about it: each sees to its memory itself`);
  return order === 'load' && on === undefined ? firstTier(able) : able;
}

async function obey({ lasting }: Gateway, order: Order, target: Target) {
  const { warm, clock } = lasting;
  const startedMs = clock.now();
  const said = (done: boolean, says: string) => ({
    upstream: target.upstream.name,
    model: target.model,
    done,
    tookMs: Math.round(clock.now() - startedMs),
    says,
  });
  try {
    if (order === 'unload') await warm.loader.unload(target);
    else await warm.load(target);
    return said(true, '');
  } catch (thrown) {
    return said(false, asFailure(thrown).message);
  }
}
