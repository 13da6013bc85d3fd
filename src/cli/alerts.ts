/** `millrace alerts`: who is told when something is wrong, and whether they can be. */
import { alertTestShape, receiversShape } from '../admin/alert-routes.ts';
import { askAdmin, findAdmin } from './admin-client.ts';
import { flagOption, type Given } from './given.ts';
import type { Invocation } from './invocation.ts';
import { runAction } from './run-action.ts';
import { formatTable } from './table.ts';

export const run = runAction('alerts', { list, test });

const nobody = '! nobody is told: the configuration has no `alerts`; they are lines of the log alone';
/** A mail server that says nothing is waited for. */
const testMs = 60_000;

async function list(invocation: Invocation, given: Given): Promise<number> {
  const place = await findAdmin(invocation, given);
  const { receivers } = await askAdmin(place, { path: 'alerts', shape: receiversShape });
  if (flagOption(given, 'json')) {
    invocation.write(JSON.stringify({ receivers }));
    return 0;
  }
  const rows = receivers.map(({ name, waiting, delivered, lost, disabled, lastTrouble }) => [
    name,
    disabled ? 'wants no more' : 'asked',
    String(delivered),
    String(waiting),
    String(lost),
    lastTrouble,
  ]);
  invocation.write(formatTable(['RECEIVER', 'STATE', 'DELIVERED', 'WAITING', 'LOST', 'TROUBLE'], rows));
  if (receivers.length === 0) invocation.warn(nobody);
  return 0;
}

async function test(invocation: Invocation, given: Given): Promise<number> {
  const place = await findAdmin(invocation, given);
  const { receivers } = await askAdmin(place, {
    method: 'POST',
    path: 'alerts/test',
    shape: alertTestShape,
    waitMs: testMs,
  });
  const isGood = receivers.length > 0 && receivers.every(({ taken }) => taken);
  if (flagOption(given, 'json')) {
    invocation.write(JSON.stringify({ receivers }));
    return isGood ? 0 : 1;
  }
  const rows = receivers.map(({ name, taken, says }) => [name, taken ? 'taken' : 'not taken', says]);
  invocation.write(formatTable(['RECEIVER', 'TEST', 'TROUBLE'], rows));
  if (receivers.length === 0) invocation.warn(nobody);
  return isGood ? 0 : 1;
}
