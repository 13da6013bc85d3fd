/** Two JSON Schemas that must both hold, as one: what `allOf`, a `$ref` with neighbours and a chosen branch need. */

import type { Json, JsonObject } from '../../core/call.ts';
import { isObject } from '../../core/json-object.ts';
import { isList } from '../../protocol/read.ts';

const branchesMax = 64;

export function mergeSchemas(one: JsonObject, other: JsonObject): JsonObject {
  const merged: Map<string, Json> = new Map();
  for (const [keyword, value] of Object.entries(one)) if (value !== undefined) merged.set(keyword, value);
  for (const [keyword, value] of Object.entries(other)) {
    if (value === undefined) continue;
    const before = merged.get(keyword);
    merged.set(keyword, before === undefined ? value : mergeKeyword(keyword, before, value));
  }
  return Object.fromEntries(merged);
}

function mergeKeyword(keyword: string, one: Json, other: Json): Json {
  return Object.hasOwn(mergers, keyword) ? (mergers[keyword]?.(one, other) ?? other) : other;
}

type Merger = (one: Json, other: Json) => Json;

const largest: Merger = (one, other) => Math.max(Number(one), Number(other));
const smallest: Merger = (one, other) => Math.min(Number(one), Number(other));
const union: Merger = (one, other) => [...new Set([...listOf(one), ...listOf(other)])];
const both: Merger = (one, other) => {
  if (one === false || other === false) return false;
  if (one === true) return other;
  return other === true ? one : { allOf: [one, other] };
};
const concatenated: Merger = (one, other) => [...listOf(one), ...listOf(other)];

const mergers: Readonly<Record<string, Merger>> = {
  minimum: largest,
  exclusiveMinimum: largest,
  minLength: largest,
  minItems: largest,
  minProperties: largest,
  maximum: smallest,
  exclusiveMaximum: smallest,
  maxLength: smallest,
  maxItems: smallest,
  maxProperties: smallest,
  required: union,
  items: both,
  additionalProperties: both,
  allOf: concatenated,
  anyOf: (one, other) => crossed(one, other),
  oneOf: (one, other) => crossed(one, other),
  type: (one, other) => commonTypes(listOf(one), listOf(other)),
  enum: (one, other) => {
    const texts = new Set(listOf(other).map((value) => JSON.stringify(value)));
    return listOf(one).filter((value) => texts.has(JSON.stringify(value)));
  },
  properties: (one, other) => mergeProperties(one, other),
};

function listOf(value: Json): readonly Json[] {
  return isList(value) ? value : [value];
}

function crossed(one: Json, other: Json): Json {
  return listOf(one)
    .flatMap((left) => listOf(other).map((right) => both(left, right)))
    .slice(0, branchesMax);
}

/** Every integer is a number. */
function commonTypes(one: readonly Json[], other: readonly Json[]): Json {
  const allows = (types: readonly Json[], type: Json) =>
    types.includes(type) || (type === 'integer' && types.includes('number'));
  return [...one.filter((type) => allows(other, type)), ...other.filter((type) => allows(one, type))];
}

function mergeProperties(one: Json, other: Json): Json {
  const merged = new Map<string, Json>();
  for (const side of [one, other]) {
    for (const [name, schema] of Object.entries(isObject(side) ? side : {})) {
      if (schema === undefined) continue;
      const before = merged.get(name);
      merged.set(name, before === undefined ? schema : both(before, schema));
    }
  }
  return Object.fromEntries(merged);
}
