/** A key for the configuration: nothing is stored, it is shown this once, and the operator decides where it lives. */
import { makeKey } from '../identity/api-key.ts';
import { roles } from '../identity/options.ts';
import { name as nameOption } from '../lib/options.ts';
import { flagOption, type Given, textOption, UsageError } from './given.ts';
import type { Invocation } from './invocation.ts';

export function makeConfiguredKey(invocation: Invocation, given: Given): Promise<number> {
  const name = given.words[1];
  if (name === undefined || !nameOption.safeParse(name).success) {
    throw new UsageError('`keys new NAME` needs a name of letters, digits, dots, dashes or underscores');
  }
  const role = textOption(given, 'role') ?? 'developer';
  if (!roles.some((known) => known === role))
    throw new UsageError(`--role must be one of ${roles.join(', ')}`);
  const tenant = textOption(given, 'tenant') ?? 'default';
  if (!nameOption.safeParse(tenant).success) throw new UsageError('--tenant is not a name');
  const key = makeKey();
  const variable = `MILLRACE_KEY_${name.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`;
  const line = `- { name: ${JSON.stringify(name)}, key: "env:${variable}", tenant: ${JSON.stringify(tenant)}, role: ${role} }`;
  if (flagOption(given, 'json')) {
    invocation.write(JSON.stringify({ name, key, variable, configuration: line }));
    return Promise.resolve(0);
  }
  invocation.write(
    [
      'This key is shown once and kept nowhere. Put it where the gateway is started:',
      `  export ${variable}=${key}`,
      'and this line under `keys:` in the configuration:',
      `  ${line}`,
      'A running gateway knows only the environment it was started with: start it again. With `key: file:PATH`',
      `in place of the variable, \`${invocation.typed('reload')}\` is enough.`,
    ].join('\n'),
  );
  return Promise.resolve(0);
}
