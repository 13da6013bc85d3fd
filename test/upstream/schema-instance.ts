import { fieldsOf, listOf } from './json.ts';

const depthMax = 16;

/** The plainest value that a JSON Schema accepts, for the schemas that clients send in practice. */
export function instanceOf(schema: unknown, root: unknown = schema, depth = 0): unknown {
  const fields = fieldsOf(schema);
  if (depth > depthMax) return null;
  if ('const' in fields) return fields['const'];
  if (Array.isArray(fields['enum'])) return fields['enum'][0];
  if (typeof fields['$ref'] === 'string') return instanceOf(resolve(fields['$ref'], root), root, depth + 1);
  for (const union of ['anyOf', 'oneOf', 'allOf']) {
    if (union in fields) return instanceOf(listOf(fields[union])[0], root, depth + 1);
  }
  const type = Array.isArray(fields['type']) ? fields['type'][0] : (fields['type'] ?? 'object');
  const instance = instances[String(type)];
  return instance === undefined ? null : instance(fields, (inner) => instanceOf(inner, root, depth + 1));
}

type Instance = (fields: Readonly<Record<string, unknown>>, inner: (schema: unknown) => unknown) => unknown;

const instances: Readonly<Record<string, Instance>> = {
  object: (fields, inner) =>
    Object.fromEntries(
      Object.entries(fieldsOf(fields['properties'])).map(([name, value]) => [name, inner(value)]),
    ),
  array: (fields, inner) =>
    Array.from({ length: Number(fields['minItems'] ?? 1) }, () => inner(fields['items'])),
  string: (fields) => 'text'.padEnd(Number(fields['minLength'] ?? 0), 't'),
  number: (fields) => Number(fields['minimum'] ?? 0),
  integer: (fields) => Number(fields['minimum'] ?? 0),
  boolean: () => true,
  null: () => null,
};

function resolve(reference: string, root: unknown): unknown {
  const names = reference.replace(/^#\/?/, '').split('/').filter(Boolean);
  return names.reduce<unknown>((value, name) => fieldsOf(value)[name], root);
}
