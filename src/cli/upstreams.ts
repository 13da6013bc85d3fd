/** `millrace upstreams`: the upstreams of a running gateway, and taking one out of use before somebody works on it. */
import { setTimeout } from 'node:timers/promises';
import { drainedShape } from '../admin/drain-routes.ts';
import { statusShape } from '../admin/shapes.ts';
import { type AdminPlace, askAdmin, findAdmin } from './admin-client.ts';
import { askUpstreams } from './ask-upstreams.ts';
import { flagOption, type Given, UsageError } from './given.ts';
import type { Invocation } from './invocation.ts';
import { createPaint } from './paint.ts';
import { upstreamTable } from './ps-tables.ts';
import { runAction } from './run-action.ts';

const waitMs = 1_000;

export const run = runAction('upstreams', { list, drain: order, resume: order });

async function list(invocation: Invocation, given: Given): Promise<number> {
  const place = await findAdmin(invocation, given);
  const upstreams = await askUpstreams(place);
  const paint = createPaint(process.stdout.isTTY === true, invocation.environment);
  invocation.write(
    flagOption(given, 'json') ? JSON.stringify({ upstreams }) : upstreamTable(upstreams, paint),
  );
  return 0;
}

async function order(invocation: Invocation, given: Given): Promise<number> {
  const [action = '', name] = given.words;
  if (name === undefined) throw new UsageError(`\`upstreams ${action}\` takes the name of an upstream`);
  const place = await findAdmin(invocation, given);
  const path = `upstreams/${encodeURIComponent(name)}/${action}`;
  const answer = await askAdmin(place, { method: 'POST', path, shape: drainedShape });
  for (const warning of answer.warnings) invocation.warn(`! ${warning}`);
  const isAwaited = answer.drained && flagOption(given, 'wait');
  const inFlight = isAwaited ? await emptied(invocation, place, name) : answer.inFlight;
  if (flagOption(given, 'json')) invocation.write(JSON.stringify({ ...answer, inFlight }));
  else invocation.write(answer.drained ? drainedText({ ...answer, inFlight }) : `${name} is asked again`);
  return inFlight > 0 && isAwaited ? 1 : 0;
}

/** Resolves when nothing is under way there, or somebody has resumed it: then with what is. */
async function emptied(invocation: Invocation, place: AdminPlace, name: string): Promise<number> {
  for (;;) {
    const found = (await askUpstreams(place)).find((upstream) => upstream.name === name);
    if (found === undefined || found.inFlight === 0) break;
    if (found.drained === undefined) {
      invocation.warn(`! ${name} was resumed meanwhile`);
      return found.inFlight;
    }
    await setTimeout(waitMs);
  }
  const { replicas, workers = [0] } = await askAdmin(place, { path: 'status', shape: statusShape });
  if (replicas > workers.length)
    invocation.warn(`! only this gateway was looked at: others may have work there still`);
  return 0;
}

function drainedText({ upstream, moved, inFlight }: ReturnType<typeof drainedShape.parse>): string {
  const said = moved === 1 ? '1 stream is' : `${moved} streams are`;
  const left = inFlight === 0 ? 'nothing is under way there' : `${inFlight} under way there, which may end`;
  return `${upstream} is drained: ${said} gone on with elsewhere, ${left}`;
}
