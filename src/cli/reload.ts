/** `millrace reload`: a running gateway reads its configuration again. */
import type { z } from 'zod';
import { reloadedShape } from '../admin/shapes.ts';
import { formatProblem } from '../config/problem.ts';
import { askAdmin, findAdmin } from './admin-client.ts';
import { flagOption, type Given } from './given.ts';
import type { Invocation } from './invocation.ts';

const ways = {
  reload: { path: 'config/reload', taken: 'taken over' },
  check: { path: 'config/check', taken: 'would be taken over' },
} as const;

export async function run(invocation: Invocation, given: Given): Promise<number> {
  const place = await findAdmin(invocation, given);
  const way = flagOption(given, 'check') ? ways.check : ways.reload;
  const reloaded = await askAdmin(place, {
    method: 'POST',
    path: way.path,
    shape: reloadedShape,
    alsoRead: [422],
  });
  const refused = reloaded.outcome === 'refused';
  if (flagOption(given, 'json')) {
    invocation.write(JSON.stringify(reloaded));
    return refused ? 2 : 0;
  }
  if (refused) {
    for (const { hint, ...problem } of reloaded.problems) {
      invocation.warn(formatProblem(hint === undefined ? problem : { ...problem, hint }));
    }
    invocation.warn(`refused: configuration ${reloaded.configId} stays in force`);
    return 2;
  }
  warnOf(invocation, reloaded);
  const said = { taken: way.taken, unchanged: 'nothing has changed' }[reloaded.outcome];
  invocation.write(`${said}: configuration ${reloaded.configId}`);
  return 0;
}

type Accepted = Exclude<z.output<typeof reloadedShape>, { readonly outcome: 'refused' }>;

function warnOf(invocation: Invocation, reloaded: Accepted): void {
  for (const warning of reloaded.warnings) invocation.warn(`! ${warning}`);
  if (reloaded.needsRestart.length > 0) {
    invocation.warn(`! read at a start alone, so they wait for one: ${reloaded.needsRestart.join(', ')}`);
  }
  for (const { worker, trouble } of reloaded.workers ?? []) {
    if (trouble !== undefined)
      invocation.warn(`! worker ${worker} did not take it and is replaced: ${trouble}`);
  }
}
