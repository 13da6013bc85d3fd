/** `millrace models`: the models of a running gateway, and loading them into servers' memory. */
import { modelsShape } from '../admin/shapes.ts';
import { orderedShape } from '../admin/warm-routes.ts';
import { askAdmin, findAdmin } from './admin-client.ts';
import { askAllPages } from './admin-pages.ts';
import { flagOption, type Given, textOption, UsageError } from './given.ts';
import type { Invocation } from './invocation.ts';
import { runAction } from './run-action.ts';
import { formatTable } from './table.ts';

/** A large model comes off a slow disk. */
const loadMs = 900_000;

export const run = runAction('models', { list, load: order, unload: order });

async function list(invocation: Invocation, given: Given): Promise<number> {
  const place = await findAdmin(invocation, given);
  const pages = await askAllPages(place, { path: 'models', shape: modelsShape });
  const { defaultModel } = pages[0] ?? {};
  const models = pages.flatMap((page) => page.models);
  const answer = { ...(defaultModel === undefined ? {} : { defaultModel }), models };
  if (flagOption(given, 'json')) {
    invocation.write(JSON.stringify(answer));
    return 0;
  }
  const rows = answer.models.map(({ name, from, policy, targets }) => [
    name === defaultModel ? `${name} (default)` : name,
    from,
    policy,
    targets
      .map(
        ({ upstream, model, tier, drained }) =>
          `${upstream}/${model}${tier === 1 ? '' : ` tier ${tier}`}${drained === true ? ' (drained)' : ''}`,
      )
      .join(', '),
  ]);
  invocation.write(formatTable(['MODEL', 'NAMED BY', 'POLICY', 'TARGETS'], rows));
  return 0;
}

async function order(invocation: Invocation, given: Given): Promise<number> {
  const [action = '', name] = given.words;
  if (name === undefined) throw new UsageError(`\`models ${action}\` takes the name of a model`);
  const place = await findAdmin(invocation, given);
  const on = textOption(given, 'on');
  const { servers } = await askAdmin(place, {
    method: 'POST',
    path: `models/${encodeURIComponent(name)}/${action}`,
    body: on === undefined ? {} : { on },
    shape: orderedShape,
    waitMs: loadMs,
  });
  const isDone = servers.every(({ done }) => done);
  if (flagOption(given, 'json')) {
    invocation.write(JSON.stringify({ servers }));
    return isDone ? 0 : 1;
  }
  const rows = servers.map(({ upstream, model, done, tookMs, says }) => [
    upstream,
    model,
    done ? `${action}ed` : `not ${action}ed`,
    `${(tookMs / 1000).toFixed(1)} s`,
    says,
  ]);
  invocation.write(formatTable(['UPSTREAM', 'MODEL', 'OUTCOME', 'TOOK', 'TROUBLE'], rows));
  return isDone ? 0 : 1;
}
