/** `millrace queue`: who waits for a slot, for which model, and how long it will take. */
import { queueShape } from '../admin/queue-shapes.ts';
import { askAdmin, findAdmin } from './admin-client.ts';
import { flagOption, type Given } from './given.ts';
import type { Invocation } from './invocation.ts';
import { formatTable } from './table.ts';

type Queue = ReturnType<typeof queueShape.parse>['models'][number];

export async function run(invocation: Invocation, given: Given): Promise<number> {
  const queue = await askAdmin(await findAdmin(invocation, given), { path: 'queue', shape: queueShape });
  if (flagOption(given, 'json')) invocation.write(JSON.stringify(queue));
  else if (queue.waiting === 0) invocation.write('nobody waits for a slot');
  else invocation.write(`${modelTable(queue.models)}\n\n${tenantTable(queue.models)}`);
  return 0;
}

function modelTable(models: readonly Queue[]): string {
  const rows = models.map(({ model, waiting, bytes, oldestMs, expectedMs }) => [
    model,
    String(waiting),
    `${Math.ceil(bytes / 1024)} KiB`,
    seconds(oldestMs),
    expectedMs === undefined ? 'not known yet' : `about ${seconds(expectedMs)}`,
  ]);
  return formatTable(['MODEL', 'WAITING', 'HOLDING', 'LONGEST', 'WHO COMES NOW WAITS'], rows);
}

function tenantTable(models: readonly Queue[]): string {
  const rows = models.flatMap(({ model, tenants }) =>
    tenants.map(({ tenant, waiting, oldestMs }) => [model, tenant, String(waiting), seconds(oldestMs)]),
  );
  return formatTable(['MODEL', 'TENANT', 'WAITING', 'LONGEST'], rows);
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
