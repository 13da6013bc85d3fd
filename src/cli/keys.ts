/** `millrace keys`: which keys there are, where the first one is, and how to make another. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { configuredKeysShape } from '../admin/shapes.ts';
import { makeKey } from '../identity/api-key.ts';
import { roles } from '../identity/options.ts';
import { name as nameOption } from '../lib/options.ts';
import { askAdmin, findAdmin } from './admin-client.ts';
import { flagOption, type Given, textOption, UsageError } from './given.ts';
import type { Invocation, Run } from './invocation.ts';
import { formatTable } from './table.ts';
import { loadForVerb } from './whereabouts.ts';

export function run(invocation: Invocation, given: Given): Promise<number> {
  const action = given.words[0] ?? 'list';
  const act = Object.hasOwn(actions, action) ? actions[action] : undefined;
  if (act === undefined)
    throw new UsageError(`\`keys ${action}\` is not known; there are list, show and new`);
  return act(invocation, given);
}

const actions: Readonly<Record<string, Run>> = { list, show, new: make };

async function list(invocation: Invocation, given: Given): Promise<number> {
  const place = await findAdmin(invocation, given);
  const answer = await askAdmin(place, { path: 'configured-keys', shape: configuredKeysShape });
  if (flagOption(given, 'json')) {
    invocation.write(JSON.stringify(answer));
    return 0;
  }
  const from = { data: 'made at the first start', configuration: 'the configuration' } as const;
  const rows = answer.keys.map((key) => [key.name, key.tenant, key.role, from[key.from]]);
  invocation.write(formatTable(['NAME', 'TENANT', 'ROLE', 'FROM'], rows));
  if (answer.auth === 'none') invocation.warn('! no key is asked for: `auth: none`');
  return 0;
}

/** The key itself stays in its file: what is printed may be kept by a terminal's log. */
async function show(invocation: Invocation, given: Given): Promise<number> {
  const { config } = await loadForVerb(invocation, given);
  const file = join(config.data, 'client-key');
  const exists = existsSync(file);
  if (flagOption(given, 'json')) invocation.write(JSON.stringify({ file, exists }));
  else if (exists) {
    invocation.write(
      [
        `The first key is in ${file}; only the user that runs the gateway can read it:`,
        `  cat ${file}`,
        'If it is lost or has leaked, remove the file and start again: a new key is made and the old one is refused.',
        `Keys for others: \`${invocation.typed('keys new NAME')}\`.`,
      ].join('\n'),
    );
  } else
    invocation.write(`There is no key yet; the first \`${invocation.typed('serve')}\` makes one in ${file}.`);
  return 0;
}

/** Nothing is stored: the key is shown this once, and the operator decides where it lives. */
function make(invocation: Invocation, given: Given): Promise<number> {
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
