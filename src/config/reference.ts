/** The keys as Markdown tables, for the documentation. */
import { configJsonSchema, type JsonSchema } from './json-schema.ts';
import { keysNotBuiltYet } from './not-built-yet.ts';
import { installKeys } from './schema.ts';

interface Row {
  readonly key: string;
  readonly schema: JsonSchema;
  readonly required: boolean;
}

export function renderReference(): string {
  const top = configJsonSchema().properties ?? {};
  const atStart: readonly string[] = installKeys;
  const names = Object.keys(top).filter((name) => name !== 'include');
  const section = (wanted: (name: string) => boolean) =>
    renderTable(
      names.filter(wanted).flatMap((name) => rowsOf({ key: name, schema: top[name] ?? {}, required: false })),
    );
  return [
    '### Read at start',
    'A change takes a restart.',
    section((name) => atStart.includes(name)),
    '### Read again at each reload',
    section((name) => !atStart.includes(name)),
    ...renderUpstreams(top['upstreams']),
    '### Not built yet',
    'These keys are refused by name until what they set exists.',
    renderNotBuiltYet(),
  ].join('\n\n');
}

function renderUpstreams(upstreams: JsonSchema | undefined): string[] {
  const kinds = upstreams === undefined ? [] : (entriesOf(upstreams)?.oneOf ?? []);
  return kinds.flatMap((kind) => {
    const type = kind.properties?.['type'];
    const rows = childRows('upstreams.NAME', kind).filter((row) => row.schema !== type);
    return [`### Upstreams with \`type: ${String(type?.const)}\``, kind.description ?? '', renderTable(rows)];
  });
}

function rowsOf(row: Row): Row[] {
  const { key, schema } = row;
  const map = schema.anyOf?.find((branch) => branch.properties !== undefined) ?? schema;
  const entries = entriesOf(schema);
  return [
    row,
    ...childRows(key, map),
    ...(entries === undefined ? [] : childRows(`${key}.NAME`, entries)),
    ...(schema.items === undefined ? [] : childRows(`${key}[]`, schema.items)),
  ];
}

function childRows(key: string, { properties, required }: JsonSchema): Row[] {
  return Object.entries(properties ?? {}).flatMap(([name, schema]) =>
    rowsOf({ key: `${key}.${name}`, schema, required: required?.includes(name) === true }),
  );
}

function entriesOf(schema: JsonSchema): JsonSchema | undefined {
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
}

function renderTable(rows: readonly Row[]): string {
  const lines = rows.map(({ key, schema, required }) => {
    const meaning = [schema.description ?? '', optionsOf(schema)].filter((text) => text !== '').join(' ');
    return `| \`${key}\` | ${required ? 'required' : defaultOf(schema)} | ${meaning.replaceAll('|', '\\|')} |`;
  });
  return ['| Key | Default | Meaning |', '|---|---|---|', ...lines].join('\n');
}

/** A map’s own default follows from its keys. */
function defaultOf(schema: JsonSchema): string {
  const value = schema.default;
  if (value === undefined) return '';
  const empty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  if (empty) return Array.isArray(value) ? 'none' : '';
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

function optionsOf(schema: JsonSchema): string {
  const options = schema.enum ?? schema.items?.enum ?? [];
  return options.length === 0 ? '' : `One of ${options.map((option) => `\`${String(option)}\``).join(', ')}.`;
}

function renderNotBuiltYet(): string {
  const lines = Object.entries(keysNotBuiltYet).map(
    ([key, what]) => `| \`${key.replaceAll('*', 'NAME')}\` | ${what} |`,
  );
  return ['| Key | What it will set |', '|---|---|', ...lines].join('\n');
}
