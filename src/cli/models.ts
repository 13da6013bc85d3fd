/** `millrace models`: the models of a running gateway. */
import { modelsShape } from '../admin/shapes.ts';
import { askAdmin, findAdmin } from './admin-client.ts';
import { flagOption, type Given } from './given.ts';
import type { Invocation } from './invocation.ts';
import { formatTable } from './table.ts';

export async function run(invocation: Invocation, given: Given): Promise<number> {
  const place = await findAdmin(invocation, given);
  const answer = await askAdmin(place, { path: 'models', shape: modelsShape });
  if (flagOption(given, 'json')) {
    invocation.write(JSON.stringify(answer));
    return 0;
  }
  const rows = answer.models.map(({ name, from, policy, targets }) => [
    name === answer.defaultModel ? `${name} (default)` : name,
    from,
    policy,
    targets
      .map(({ upstream, model, tier }) => `${upstream}/${model}${tier === 1 ? '' : ` tier ${tier}`}`)
      .join(', '),
  ]);
  invocation.write(formatTable(['MODEL', 'NAMED BY', 'POLICY', 'TARGETS'], rows));
  return 0;
}
