/** Who waits for a slot, of one process or of all that serve: each has queues of its own. */
import type { z } from 'zod';
import { sumOf } from './gathering.ts';
import type { queueShape } from './queue-shapes.ts';
import type { Live } from './views.ts';

type Queues = z.input<typeof queueShape>;
type Queue = Queues['models'][number];

export function viewQueues({ gateway }: Live): Queues {
  const { waiting, queues } = gateway.lasting.scheduler;
  return {
    waiting,
    models: queues.map(({ tenants, requests, ...queue }) => ({
      ...queue,
      tenants: [...tenants],
      requests: [...requests],
    })),
  };
}

export function gatherQueues(all: readonly Queues[]): Queues {
  const byModel = Map.groupBy(
    all.flatMap(({ models }) => models),
    ({ model }) => model,
  );
  return {
    waiting: sumOf(all, ({ waiting }) => waiting),
    models: Array.from(byModel, ([model, queues]) => joined(model, queues)),
  };
}

/** Whoever comes now comes to one of them: the longest wait is told. */
function joined(model: string, queues: readonly Queue[]): Queue {
  const expected = queues.flatMap(({ expectedMs }) => expectedMs ?? []);
  const byTenant = Map.groupBy(
    queues.flatMap(({ tenants }) => tenants),
    ({ tenant }) => tenant,
  );
  return {
    model,
    waiting: sumOf(queues, ({ waiting }) => waiting),
    bytes: sumOf(queues, ({ bytes }) => bytes),
    oldestMs: Math.max(...queues.map(({ oldestMs }) => oldestMs)),
    ...(expected.length === 0 ? {} : { expectedMs: Math.max(...expected) }),
    tenants: Array.from(byTenant, ([tenant, its]) => ({
      tenant,
      waiting: sumOf(its, ({ waiting }) => waiting),
      oldestMs: Math.max(...its.map(({ oldestMs }) => oldestMs)),
    })),
    requests: queues
      .flatMap(({ requests }) => requests)
      .sort((one, other) => other.waitedMs - one.waitedMs)
      .slice(0, requestsShownMax),
  };
}

const requestsShownMax = 100;
