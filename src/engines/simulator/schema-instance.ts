/** A plain value that a JSON Schema accepts: only what is required, the first of what may be chosen. */

import type { Json, JsonObject } from '../../core/call.ts';
import { type Failure, fail } from '../../core/failure.ts';
import { isObject } from '../../core/json-object.ts';
import { isList } from '../../protocol/read.ts';
import { mergeSchemas } from './schema-merge.ts';
import { sampleNumber, sampleString } from './schema-scalars.ts';

const depthMax = 32;
const nodesMax = 10_000;

export function instanceOf(schema: JsonObject, param = 'response_format'): Json {
  const instance = new Maker(schema, param).make(schema, { depth: 0, variant: 0 });
  if (instance !== undefined) return instance;
  throw fail('invalid_request', 'the simulator finds no value that this schema accepts', { param });
}

/** They would need a search instead of a construction; engines that constrain their output refuse them too. */
const unknownKeywords = [
  'not',
  'if',
  'contains',
  'propertyNames',
  'patternProperties',
  'dependentRequired',
  'dependentSchemas',
  'unevaluatedProperties',
  'unevaluatedItems',
  '$dynamicRef',
];

interface Place {
  readonly depth: number;
  /** Neighbours in a list of unique items are asked for different variants. */
  readonly variant: number;
}

class Maker {
  readonly #root: JsonObject;
  readonly #param: string;
  #nodesLeft = nodesMax;

  constructor(root: JsonObject, param: string) {
    this.#root = root;
    this.#param = param;
  }

  /** Nothing when no value matches, or none within the bounds. */
  make(schema: Json | undefined, place: Place): Json | undefined {
    this.#nodesLeft -= 1;
    if (this.#nodesLeft < 0 || place.depth > depthMax || schema === false) return undefined;
    const flat = isObject(schema) ? this.#flatten(schema, 0) : {};
    if (flat === undefined) return undefined;
    for (const choice of ['anyOf', 'oneOf'] as const) {
      if (flat[choice] !== undefined) return this.#branch(flat, choice, place);
    }
    if (flat['const'] !== undefined) return this.#member([flat['const']], flat, place);
    if (isList(flat['enum'])) return this.#member(flat['enum'], flat, place);
    return this.#ofType(flat, place);
  }

  /** Without `$ref` and `allOf`. */
  #flatten(schema: JsonObject, depth: number): JsonObject | undefined {
    this.#refuseUnknown(schema);
    const { $ref, allOf, ...own } = schema;
    if ($ref === undefined && allOf === undefined) return schema;
    if (depth > depthMax) return undefined;
    let flat: JsonObject | undefined = own;
    const parts = [...($ref === undefined ? [] : [this.#resolve($ref)]), ...(isList(allOf) ? allOf : [])];
    for (const part of parts) {
      if (part === true) continue;
      const inner: JsonObject | undefined = isObject(part) ? this.#flatten(part, depth + 1) : undefined;
      if (inner === undefined) return undefined;
      flat = mergeSchemas(flat, inner);
    }
    return flat['allOf'] === undefined && flat['$ref'] === undefined ? flat : this.#flatten(flat, depth + 1);
  }

  #refuseUnknown(schema: JsonObject): void {
    const unknown = unknownKeywords.find((keyword) => Object.hasOwn(schema, keyword));
    if (unknown !== undefined) throw this.#unsupported(`the schema keyword ${unknown}`);
  }

  #unsupported(what: string): Failure {
    return fail('unsupported', `the simulator does not know ${what}`, { param: this.#param });
  }

  #resolve(reference: Json): Json | undefined {
    if (typeof reference !== 'string' || !reference.startsWith('#')) {
      throw this.#unsupported('references out of the schema');
    }
    let found: Json | undefined = this.#root;
    for (const step of reference.slice(1).split('/').slice(1)) {
      const key = pointerKey(step);
      const container: object | undefined = typeof found === 'object' && found !== null ? found : undefined;
      if (container === undefined || !Object.hasOwn(container, key)) return undefined;
      found = (container as JsonObject)[key];
    }
    return found;
  }

  #branch(flat: JsonObject, choice: 'anyOf' | 'oneOf', place: Place): Json | undefined {
    const { [choice]: branches, ...own } = flat;
    if (!isList(branches)) return undefined;
    let fallback: Json | undefined;
    for (const branch of branches) {
      const merged = branch === true ? own : isObject(branch) ? { allOf: [own, branch] } : false;
      const made = this.make(merged, { ...place, depth: place.depth + 1 });
      if (made === undefined) continue;
      if (
        choice === 'anyOf' ||
        !branches.some((other) => other !== branch && this.#mightAccept(other, made))
      ) {
        return made;
      }
      fallback ??= made;
    }
    return fallback;
  }

  /** Whether a branch may also accept the value: told by types and constants, as tagged unions are. */
  #mightAccept(schema: Json, value: Json, depth = 0): boolean {
    if (!isObject(schema)) return schema !== false;
    const flat = depth > depthMax ? undefined : this.#flatten(schema, 0);
    if (flat === undefined) return false;
    if (!allowsType(flat['type'], value) || !allowsConstant(flat, value)) return false;
    if (!isObject(value)) return true;
    const properties = isObject(flat['properties']) ? flat['properties'] : {};
    if (
      flat['additionalProperties'] === false &&
      Object.keys(value).some((name) => !Object.hasOwn(properties, name))
    )
      return false;
    if (namesOf(flat['required']).some((name) => !Object.hasOwn(value, name))) return false;
    return Object.entries(properties).every(
      ([name, inner]) =>
        !Object.hasOwn(value, name) || this.#mightAccept(inner ?? true, value[name] ?? null, depth + 1),
    );
  }

  #member(values: readonly Json[], flat: JsonObject, place: Place): Json | undefined {
    return values.filter((value) => allowsType(flat['type'], value) && allowsConstant(flat, value))[
      place.variant
    ];
  }

  #ofType(flat: JsonObject, place: Place): Json | undefined {
    for (const type of typesOf(flat)) {
      const made = this.#one(type, flat, place);
      if (made !== undefined) return made;
    }
    return undefined;
  }

  #one(type: Json, flat: JsonObject, place: Place): Json | undefined {
    switch (type) {
      case 'object':
        return this.#object(flat, place);
      case 'array':
        return this.#array(flat, place);
      case 'string':
        return sampleString(flat, place.variant);
      case 'integer':
      case 'number':
        return sampleNumber(flat, type === 'integer', place.variant);
      case 'boolean':
        return [true, false][place.variant];
      case 'null':
        return place.variant === 0 ? null : undefined;
      default:
        return undefined;
    }
  }

  #object(flat: JsonObject, place: Place): Json | undefined {
    const properties = isObject(flat['properties']) ? flat['properties'] : {};
    const names = new Set(namesOf(flat['required']));
    const least = Number(flat['minProperties'] ?? 0);
    if (Math.max(least, names.size) > Number(flat['maxProperties'] ?? nodesMax)) return undefined;
    for (const name of Object.keys(properties)) if (names.size < least) names.add(name);
    for (let extra = 1; names.size < least; extra += 1) names.add(`property${extra}`);
    const made: Array<[string, Json]> = [];
    for (const name of names) {
      const known = Object.hasOwn(properties, name);
      const value = this.make(known ? properties[name] : (flat['additionalProperties'] ?? true), {
        depth: place.depth + 1,
        variant: place.variant,
      });
      if (value === undefined) return undefined;
      made.push([name, value]);
    }
    return Object.fromEntries(made);
  }

  #array(flat: JsonObject, place: Place): Json | undefined {
    const first = isList(flat['prefixItems']) ? flat['prefixItems'] : [];
    const length = Number(flat['minItems'] ?? 0);
    if (length > Math.min(Number(flat['maxItems'] ?? nodesMax), nodesMax)) return undefined;
    const items: Json[] = [];
    for (let index = 0; index < length; index += 1) {
      const variant = flat['uniqueItems'] === true ? index : place.variant;
      const item = this.make(first[index] ?? flat['items'] ?? true, { depth: place.depth + 1, variant });
      if (item === undefined) return undefined;
      items.push(item);
    }
    const distinct = new Set(items.map((item) => JSON.stringify(item)));
    return flat['uniqueItems'] === true && distinct.size < items.length ? undefined : items;
  }
}

function pointerKey(step: string): string {
  const plain = step.replaceAll('~1', '/').replaceAll('~0', '~');
  try {
    return decodeURIComponent(plain);
  } catch {
    // A stray percent sign stands for itself.
    return plain;
  }
}

function namesOf(value: Json | undefined): readonly string[] {
  return isList(value) ? value.filter((name) => typeof name === 'string') : [];
}

/** The keywords that stand in a schema without a type tell what its author had in mind. */
const hints: ReadonlyArray<readonly [string, readonly string[]]> = [
  ['object', ['properties', 'required', 'additionalProperties', 'minProperties']],
  ['array', ['items', 'prefixItems', 'minItems', 'uniqueItems']],
  ['number', ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf']],
];

function typesOf(schema: JsonObject): readonly Json[] {
  const { type } = schema;
  if (isList(type)) return type;
  if (type !== undefined) return [type];
  return [
    hints.find(([, keywords]) => keywords.some((keyword) => Object.hasOwn(schema, keyword)))?.[0] ?? 'string',
  ];
}

function allowsType(type: Json | undefined, value: Json): boolean {
  if (type === undefined) return true;
  return (isList(type) ? type : [type]).some((name) => isOfType(value, name));
}

function isOfType(value: Json, type: Json): boolean {
  if (type === 'null') return value === null;
  if (type === 'array') return isList(value);
  if (type === 'object') return isObject(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}

function allowsConstant(schema: JsonObject, value: Json): boolean {
  const text = JSON.stringify(value);
  if (schema['const'] !== undefined && JSON.stringify(schema['const']) !== text) return false;
  return !isList(schema['enum']) || schema['enum'].some((member) => JSON.stringify(member) === text);
}
