/** `millrace keys`: which keys there are, where the first one is, and how others are made, turned over and revoked. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { keyShape, madeKeyShape } from '../admin/directory-shapes.ts';
import { configuredKeysShape, problemDetailsShape } from '../admin/shapes.ts';
import { type AdminPlace, askAdmin, findAdmin } from './admin-client.ts';
import { askAllPages, askPages, queryText } from './admin-pages.ts';
import { makeConfiguredKey } from './configured-key.ts';
import { changeEntry, entryActions, entryPath, saidOf, tenantOf } from './entry-actions.ts';
import { flagOption, type Given, numberOption, textOption, UsageError } from './given.ts';
import type { Invocation } from './invocation.ts';
import { runAction } from './run-action.ts';
import { formatTable } from './table.ts';
import { loadForVerb } from './whereabouts.ts';

type Key = z.output<typeof keyShape>;
type ConfiguredKey = z.output<typeof configuredKeysShape>['keys'][number];

const refusedShape = problemDetailsShape.extend({ next: z.string().optional() });

const header = ['NAME', 'TENANT', 'ROLE', 'USER', 'ENDS IN', 'EXPIRES', 'LAST USED', 'FROM', 'ONLY FOR'];
const from = { data: 'made at the first start', configuration: 'the configuration' } as const;

const warningsOf = ({ warnings = [] }: Pick<Key, 'warnings'>) => warnings;
const common = entryActions<Key>({
  plural: 'keys',
  shape: keyShape,
  header,
  row: rowOf,
  fields: fieldsOf,
  warnings: warningsOf,
});

export const run = runAction('keys', {
  list,
  show: (invocation, given) =>
    given.words[1] === undefined ? showFirst(invocation, given) : act('show', invocation, given),
  new: make,
  change: (invocation, given) => act('change', invocation, given),
  rotate,
  revoke,
  remove: (invocation, given) => act('remove', invocation, given),
});

function act(action: string, invocation: Invocation, given: Given): Promise<number> {
  const found = common[action];
  if (found === undefined) throw new TypeError(`there is no ${action}`);
  return found(invocation, given);
}

async function list(invocation: Invocation, given: Given): Promise<number> {
  const place = await findAdmin(invocation, given);
  const { tenant } = tenantOf(given);
  const { auth, keys } = await configuredKeys(place);
  const configured = keys.filter((key) => tenant === undefined || key.tenant === tenant);
  const stored = await askPages(place, { path: 'keys', item: keyShape, query: { tenant } });
  if (flagOption(given, 'json')) {
    const { items, more } = stored;
    invocation.write(JSON.stringify({ auth, keys: configured, stored: items, more }));
    return 0;
  }
  const rows = configured.map(({ name, tenant: its, role, scopes, expiresAt, from: source }) => {
    return [name, its, role, '', '', expiresAt?.slice(0, 10) ?? '', '', from[source], narrowedTo(scopes)];
  });
  invocation.write(formatTable(header, [...rows, ...stored.items.map(rowOf)]));
  if (stored.more) invocation.warn(`! there are more than these ${stored.items.length}: name a tenant`);
  if (auth === 'none') invocation.warn('! no key is asked for: `auth: none`');
  return 0;
}

/** They are the gateway's: whoever may see the keys of his own tenant alone is told of none of them. */
async function configuredKeys(
  place: AdminPlace,
): Promise<{ readonly auth?: string; readonly keys: readonly ConfiguredKey[] }> {
  const shape = z.union([configuredKeysShape, refusedShape]);
  const pages = await askAllPages(place, { path: 'configured-keys', shape, alsoRead: [403] });
  const [first] = pages;
  if (first === undefined || !('auth' in first)) return { keys: [] };
  return { auth: first.auth, keys: pages.flatMap((page) => ('keys' in page ? page.keys : [])) };
}

/** The key itself stays in its file: what is printed may be kept by a terminal's log. */
async function showFirst(invocation: Invocation, given: Given): Promise<number> {
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

async function make(invocation: Invocation, given: Given): Promise<number> {
  if (flagOption(given, 'configuration')) return makeConfiguredKey(invocation, given);
  const name = given.words[1];
  if (name === undefined) throw new UsageError('`keys new NAME` needs a name');
  const place = await findAdmin(invocation, given);
  const made = await askAdmin(place, {
    method: 'POST',
    path: `keys${queryText(tenantOf(given))}`,
    body: { name, ...fieldsOf(given) },
    shape: madeKeyShape,
  });
  return tell(invocation, given, made);
}

async function rotate(invocation: Invocation, given: Given): Promise<number> {
  const hours = numberOption(given, 'overlap', { min: 0, max: 720 });
  const path = entryPath('keys', given, '/rotate');
  const place = await findAdmin(invocation, given);
  const body = hours === undefined ? {} : { overlapS: Math.round(hours * 3_600) };
  return tell(invocation, given, await askAdmin(place, { method: 'POST', path, body, shape: madeKeyShape }));
}

async function revoke(invocation: Invocation, given: Given): Promise<number> {
  const entry = await changeEntry(invocation, given, {
    plural: 'keys',
    shape: keyShape,
    body: { active: false },
  });
  invocation.write(flagOption(given, 'json') ? JSON.stringify(entry) : `revoked: ${entry.name}`);
  return 0;
}

function tell(invocation: Invocation, given: Given, made: z.output<typeof madeKeyShape>): number {
  for (const warning of warningsOf(made)) invocation.warn(`! ${warning}`);
  if (flagOption(given, 'json')) {
    invocation.write(JSON.stringify(made));
    return 0;
  }
  const { name, tenant, role, previousUntil, key } = made;
  const lines = [
    `The key "${name}" of ${tenant}, with the role ${role}. It is shown this once and kept nowhere:`,
    `  ${key}`,
  ];
  if (previousUntil !== null) lines.push(`The one before opens too, until ${previousUntil}.`);
  invocation.write(lines.join('\n'));
  return 0;
}

function fieldsOf(given: Given): Readonly<Record<string, unknown>> {
  const scopes = saidOf({
    models: listOption(given, 'models'),
    routes: listOption(given, 'routes'),
    addresses: listOption(given, 'addresses'),
  });
  return saidOf({
    role: textOption(given, 'role'),
    user: textOption(given, 'user'),
    team: textOption(given, 'team'),
    expiresAt: expiryOf(given),
    scopes: Object.keys(scopes).length === 0 ? undefined : scopes,
  });
}

function listOption(given: Given, name: string): readonly string[] | undefined {
  return textOption(given, name)
    ?.split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

/** A day means its end, in UTC. */
function expiryOf(given: Given): string | null | undefined {
  const text = textOption(given, 'expires');
  if (text === undefined) return undefined;
  if (text === 'never') return null;
  const at = Date.parse(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T23:59:59Z` : text);
  if (!Number.isNaN(at)) return new Date(at).toISOString();
  throw new UsageError('--expires is a day as YYYY-MM-DD, a time, or never');
}

function rowOf(key: Key): readonly string[] {
  return [
    key.name,
    key.tenant,
    key.role,
    key.user,
    `…${key.hint}`,
    key.expiresAt?.slice(0, 10) ?? 'never',
    key.lastUsedAt?.slice(0, 16).replace('T', ' ') ?? 'never',
    key.active ? 'the store' : 'revoked',
    narrowedTo(key.scopes),
  ];
}

function narrowedTo({ models, routes, addresses }: Key['scopes']): string {
  return [models, routes, addresses]
    .filter((names) => names.length > 0)
    .map((names) => names.join(', '))
    .join('; ');
}
