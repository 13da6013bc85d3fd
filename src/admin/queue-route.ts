/** Who waits for a slot. */
import { bodiesOf } from './gathering.ts';
import { queueShape } from './queue-shapes.ts';
import { gatherQueues, viewQueues } from './queue-views.ts';
import { type AdminRoute, adminRoute, api } from './route.ts';
import type { Live } from './views.ts';

export function queueRoute(seen: Live): AdminRoute {
  return adminRoute({
    name: 'queue.show',
    method: 'GET',
    path: `${api}/queue`,
    permission: 'status:read',
    scope: 'gateway',
    tag: 'state',
    summary: 'Who waits for a slot, where they stand, and how long it will most likely take',
    answers: { 200: queueShape },
    example: {},
    handle: () => ({ status: 200, body: viewQueues(seen) }),
    gather: (gathered) => ({ status: 200, body: gatherQueues(bodiesOf(gathered)) }),
  });
}
