/** The schema as JSON Schema: for editors, for the documentation, and to know which keys may stand where. */
import { z } from 'zod';
import { childOf, type Placed } from './placed.ts';
import { configSchema } from './schema.ts';

export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}

const include: JsonSchema = {
  description: 'Files to read besides this one, relative to it.',
  anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }],
};

const howEmitted = { io: 'input', override: allowText } as const;

let emitted: JsonSchema | undefined;

export function configJsonSchema(): JsonSchema {
  emitted ??= emit();
  return emitted;
}

/** The keys that may stand in the map at `path`. */
export function keysAt(root: Placed, path: readonly PropertyKey[]): string[] {
  return Object.keys(Object.assign({}, ...schemasAt(root, path).map((schema) => schema.properties ?? {})));
}

/** Every schema that may describe the value at `path`: several where the file leaves open which. */
export function schemasAt(root: Placed, path: readonly PropertyKey[]): readonly JsonSchema[] {
  let schemas = branches(byKey, root);
  let node: Placed | undefined = root;
  for (const step of path) {
    node = node === undefined ? undefined : childOf(node, step);
    schemas = schemas.flatMap((schema) => {
      const child = childSchema(schema, step);
      return child === undefined ? [] : branches(child, node);
    });
  }
  return schemas;
}

/** As `configJsonSchema`, but of each key only when it is asked for: all of them take 50 ms, and a start asks for few. */
const byKey: JsonSchema = { properties: eachWhenAsked() };

function eachWhenAsked(): Readonly<Record<string, JsonSchema>> {
  const properties: Record<string, JsonSchema> = { include };
  for (const [key, schema] of Object.entries(configSchema.shape)) {
    Object.defineProperty(properties, key, {
      enumerable: true,
      configurable: true,
      get: () => {
        const { $schema: _, ...value } = z.toJSONSchema(schema, howEmitted);
        Object.defineProperty(properties, key, { enumerable: true, value });
        return value;
      },
    });
  }
  return properties;
}

function childSchema(schema: JsonSchema, step: PropertyKey): JsonSchema | undefined {
  const own = schema.properties;
  if (own !== undefined && Object.hasOwn(own, step)) return own[String(step)];
  if (typeof schema.additionalProperties === 'object') return schema.additionalProperties;
  return schema.items;
}

/** The alternatives of a schema; where the value says its type, only those of that type. */
function branches(schema: JsonSchema, node: Placed | undefined): readonly JsonSchema[] {
  const all = (schema.anyOf ?? schema.oneOf)?.flatMap((branch) => branches(branch, node));
  if (all === undefined) return [schema];
  const type = node === undefined ? undefined : childOf(node, 'type');
  const said = type?.kind === 'scalar' ? type.value : undefined;
  const named = all.filter((branch) => said !== undefined && branch.properties?.['type']?.const === said);
  return named.length > 0 ? named : all;
}

function emit(): JsonSchema {
  const schema = z.toJSONSchema(configSchema, howEmitted);
  const properties = { include, ...schema.properties };
  return { ...schema, title: 'Millrace configuration', properties } as JsonSchema;
}

type Writable = z.core.JSONSchema.BaseSchema;

/** What editors must accept besides: maps that may be text, and variables in the place of numbers and booleans. */
function allowText({ jsonSchema }: { jsonSchema: Writable }): void {
  if (jsonSchema['orText'] === true) allowAsText(jsonSchema);
  else if (['integer', 'number', 'boolean'].includes(String(jsonSchema.type))) allowVariable(jsonSchema);
}

function allowAsText(jsonSchema: Writable): void {
  const map: Record<string, unknown> = {};
  for (const key of ['type', 'properties', 'required', 'additionalProperties']) {
    if (jsonSchema[key] !== undefined) map[key] = jsonSchema[key];
    delete jsonSchema[key];
  }
  const types = jsonSchema['orNumber'] === true ? ['number', 'string'] : ['string'];
  delete jsonSchema['orText'];
  delete jsonSchema['orNumber'];
  jsonSchema.anyOf = [...types.map((type) => ({ type }) as Writable), ...(jsonSchema.anyOf ?? [map])];
}

/** Bounds hold for numbers alone, and the pattern for text alone. */
function allowVariable(jsonSchema: Writable): void {
  Object.assign(jsonSchema, { type: [jsonSchema.type, 'string'], pattern: '\\$\\{' });
}
