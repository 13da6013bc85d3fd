/** `millrace secrets`: what `store:NAME` in the configuration refers to, and the master key that seals what is kept. */
import type { z } from 'zod';
import { rotatedShape, secretName, secretShape, secretsShape, secretValue } from '../admin/secret-shapes.ts';
import { flagOption, type Given, UsageError } from './given.ts';
import type { Invocation } from './invocation.ts';
import { openSecretKeeper, type SecretKeeper } from './secret-keeper.ts';
import { formatTable } from './table.ts';
import { Trouble } from './trouble.ts';

type Act = (keeper: SecretKeeper, invocation: Invocation, given: Given) => Promise<number>;

const actions: Readonly<Record<string, Act>> = { list, set, remove, rotate };
const inputBytesMax = 65_536;

export async function run(invocation: Invocation, given: Given): Promise<number> {
  const action = given.words[0] ?? 'list';
  const act = Object.hasOwn(actions, action) ? actions[action] : undefined;
  if (act === undefined)
    throw new UsageError(`\`secrets ${action}\` is not known; there are ${Object.keys(actions).join(', ')}`);
  const keeper = await openSecretKeeper(invocation, given);
  try {
    return await act(keeper, invocation, given);
  } finally {
    await keeper.close();
  }
}

async function list(keeper: SecretKeeper, invocation: Invocation, given: Given): Promise<number> {
  const answer = await keeper.ask({ path: 'secrets', shape: secretsShape });
  if (flagOption(given, 'json')) {
    invocation.write(JSON.stringify(answer));
    return 0;
  }
  const rows = answer.items.map(({ name, version, updatedAt, updatedBy }) => [
    name,
    String(version),
    updatedAt,
    updatedBy,
  ]);
  invocation.write(formatTable(['NAME', 'VERSION', 'CHANGED', 'BY'], rows));
  return 0;
}
