/** The schemas of a document: each has one name, and what is the same stands there once. */
import { z } from 'zod';
import type { Json, JsonObject } from '../core/call.ts';
import { isObject } from '../core/json-object.ts';

type Direction = 'input' | 'output';

export class SchemaBook {
  readonly #byName = new Map<string, JsonObject>();
  readonly #nameOf = new Map<string, string>();

  /** In order of their names. */
  get schemas(): JsonObject {
    return Object.fromEntries([...this.#byName].sort(([one], [other]) => (one < other ? -1 : 1)));
  }

  /** A reference to the schema, which is entered by its own name or else by the one that is given. */
  refer(schema: z.ZodType, name: string, io: Direction): JsonObject {
    const { $schema: _, $defs = {}, ...root } = describeSchema(schema, io);
    for (const [id, definition] of Object.entries($defs as Record<string, JsonObject>)) {
      this.#keep(id, pointed(definition));
    }
    // A schema with a name of its own may stand among the others already.
    if ('$ref' in root) return pointed(root);
    const { id } = schema.meta() ?? {};
    if (id === undefined) return this.#enter(name, this.#withItems(name, pointed(root)));
    this.#keep(id, pointed(root));
    return { $ref: `${place}${id}` };
  }

  #enter(name: string, schema: JsonObject): JsonObject {
    const known = this.#nameOf.get(JSON.stringify(schema));
    if (known === undefined) this.#keep(name, schema);
    return { $ref: `${place}${known ?? name}` };
  }

  /** What a list holds has a name too: clients speak of one of them. */
  #withItems(name: string, schema: JsonObject): JsonObject {
    const one = /^(\w+?)s?ListAnswer$/.exec(name)?.[1];
    const properties = (schema['properties'] ?? {}) as Readonly<Record<string, JsonObject>>;
    const [list, other] = Object.entries(properties).filter(
      ([, { items }]) => isObject(items) && 'properties' in items,
    );
    if (one === undefined || list === undefined || other !== undefined) return schema;
    const [field, described] = list;
    const items = this.#enter(one, described['items'] as JsonObject);
    return { ...schema, properties: { ...properties, [field]: { ...described, items } } };
  }

  #keep(name: string, schema: JsonObject): void {
    const text = JSON.stringify(schema);
    const other = this.#byName.get(name);
    if (other !== undefined && JSON.stringify(other) !== text) {
      throw new TypeError(`two schemas of the document are called ${name}`);
    }
    this.#byName.set(name, schema);
    if (!this.#nameOf.has(text)) this.#nameOf.set(text, name);
  }
}

const place = '#/components/schemas/';

/** What an object's schema says of each of its fields. */
export function fieldsOf(schema: z.ZodType, io: Direction) {
  const { properties = {}, required = [] } = describeSchema(schema, io);
  return Object.entries(properties as Record<string, JsonObject>).map(([name, field]) => ({
    name,
    field,
    required: (required as readonly string[]).includes(name),
  }));
}

export function describeSchema(schema: z.ZodType, io: Direction): JsonObject {
  const written = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as unknown as JsonObject;
  return plain(written, io) as JsonObject;
}

/** Without what goes without saying. */
function plain(value: Json | undefined, io: Direction): Json | undefined {
  if (Array.isArray(value))
    return (value as readonly Json[]).map((held) => plain(held, io)) as readonly Json[];
  if (!isObject(value)) return value;
  const kept = Object.entries(value).filter(([key, held]) => !isIdle([key, held], value, io));
  return Object.fromEntries(kept.map(([key, held]) => [key, plain(held, io)]));
}

function isIdle(
  [key, held]: readonly [string, Json | undefined],
  within: JsonObject,
  io: Direction,
): boolean {
  // Answers may come to hold more than they do today: no client should refuse them for it.
  if (key === 'additionalProperties' && held === false) return io === 'output';
  if (key === 'additionalProperties') return 'properties' in within;
  // The format says the same, and can be read.
  if (key === 'pattern') return 'format' in within;
  return (key === 'minimum' || key === 'maximum') && Math.abs(Number(held)) === Number.MAX_SAFE_INTEGER;
}

/** As the document keeps it: references go to its own part for schemas, and names stand there alone. */
function pointed(schema: JsonObject): JsonObject {
  const text = JSON.stringify(schema).replaceAll('"#/$defs/', `"${place}`);
  const { id: _, ...rest } = JSON.parse(text) as JsonObject;
  return rest;
}
