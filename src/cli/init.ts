/** `millrace init`: writes what is found on this machine as a configuration to go on from. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { discover } from '../config/discover.ts';
import { configJsonSchema } from '../config/json-schema.ts';
import { loadConfig } from '../config/load.ts';
import { systemClock } from '../lib/clock.ts';
import { usualFile } from './config-file.ts';
import { flagOption, type Given, textOption } from './given.ts';
import type { Invocation } from './invocation.ts';
import { Trouble } from './trouble.ts';

export async function run(invocation: Invocation, given: Given): Promise<number> {
  const { environment } = invocation;
  const file = resolve(textOption(given, 'output') ?? usualFile);
  const { config } = loadConfig({ env: {} });
  const found = await discover({ environment, clock: systemClock, listen: config.listen.address });
  const folder = join(dirname(file), '.millrace');
  await write(file, render(found), flagOption(given, 'force'));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, schemaFile), `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`);
  if (flagOption(given, 'json')) {
    invocation.write(JSON.stringify({ file, schema: join(folder, schemaFile), found: found.findings }));
    return 0;
  }
  for (const { what, used, says } of found.findings) invocation.write(`${used ? '+' : '-'} ${what}: ${says}`);
  const asked = file === resolve(usualFile) ? '' : ` --config ${file}`;
  const [check, serve] = [invocation.typed(`check${asked}`), invocation.typed(`serve${asked}`)];
  invocation.write(`\nwrote ${file}; \`${check}\` reads it, \`${serve}\` runs by it`);
  return 0;
}

const schemaFile = 'config.schema.json';

async function write(file: string, text: string, force: boolean): Promise<void> {
  try {
    await writeFile(file, text, { flag: force ? 'w' : 'wx' });
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
    if (code === 'EEXIST')
      throw new Trouble(`${file} is there already; --force replaces it`, { cause: thrown });
    throw new Trouble(`${file} cannot be written${code === '' ? '' : ` (${code})`}`, { cause: thrown });
  }
}

function render(found: Awaited<ReturnType<typeof discover>>): string {
  const { upstreams, defaultModel, defaultUpstream, findings } = found;
  const model = stringify(defaultModel).trim();
  const unused = findings.filter(({ used }) => !used).map(({ what, says }) => `#   ${what}: ${says}`);
  return `# yaml-language-server: $schema=./.millrace/${schemaFile}
# Millrace's configuration. \`millrace check\` says what is wrong with it; a running gateway takes changes over by itself.

# Where clients connect: this machine alone, until it says otherwise.
listen: 127.0.0.1:7070

# The operators' API and /metrics. Its token is made at the first start and kept in the data folder.
admin: { listen: 127.0.0.1:7071 }

# Keys, logs of exchanges and the like. Read once, at start.
data: ./.millrace

# keys: clients send a key. none: only while everything listens on this machine alone.
auth: keys

# Keys beside the one that the first start makes; \`millrace keys new NAME --configuration\` writes such a line.
# keys:
#   - { name: alice, key: env:MILLRACE_KEY_ALICE, tenant: default, role: developer }

# The model for requests of the simple API (/generate, /chat, …) that name none.
defaultModel: ${stringify(`${defaultUpstream}/${defaultModel}`).trim()}

# The servers and accounts behind the gateway. A model may be asked for by its own name, or as upstream/model.
${stringify({ upstreams }).trim()}
${unused.length === 0 ? '' : `# Not used, and why:\n${unused.join('\n')}\n`}
# Names of your own, served by one or several targets.
# models:
#   assistant:
#     targets:
#       - { upstream: ${defaultUpstream}, model: ${model} }
`;
}
