/** A JSON Schema for people: a word where a word will do, a table where it has fields. */
import type { Json, JsonObject } from '../../core/call.ts';
import { anchor, escapeHtml, inline } from './html.ts';

/** Deeper than this nobody reads a table in a table. */
const depthMax = 4;

export function viewSchema(schema: JsonObject, depth = 0): string {
  const fields = Object.entries((schema['properties'] ?? {}) as Record<string, JsonObject>);
  if (fields.length === 0 || depth > depthMax) return `<p>${typeWords(schema)}</p>`;
  const required = (schema['required'] ?? []) as readonly string[];
  const rows = fields.map(([name, field]) =>
    viewField({ name, field, required: required.includes(name), depth }),
  );
  return `<table><thead><tr><th scope="col">field</th><th scope="col">what it holds</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

interface Field {
  readonly name: string;
  readonly field: JsonObject;
  readonly required: boolean;
  readonly depth: number;
}

function viewField({ name, field, required, depth }: Field): string {
  const { description } = field;
  const words = typeof description === 'string' ? `<br>${inline(description)}` : '';
  const inner = (field['items'] ?? field) as JsonObject;
  const nested = inner['properties'] === undefined ? '' : viewSchema(inner, depth + 1);
  const must = required ? ' <span class="quiet">required</span>' : '';
  return `<tr><td><code>${escapeHtml(name)}</code>${must}</td><td>${typeWords(field)}${words}${nested}</td></tr>`;
}

/** `list of string, at most 16`. */
export function typeWords(schema: JsonObject): string {
  const { $ref: reference, anyOf, oneOf, const: constant, enum: words } = schema;
  if (typeof reference === 'string') return linkTo(reference);
  const choices = (anyOf ?? oneOf) as readonly JsonObject[] | undefined;
  if (choices !== undefined) return choices.map(typeWords).join(' or ');
  if (constant !== undefined) return literal(constant);
  if (words !== undefined) return (words as readonly Json[]).map(literal).join(', ');
  return `${typeName(schema)}${bounds(schema)}`;
}

export function linkTo(reference: string): string {
  const name = reference.split('/').at(-1) ?? '';
  return `<a href="#schema-${anchor(name)}">${escapeHtml(name)}</a>`;
}

function literal(value: Json): string {
  return `<code>${escapeHtml(JSON.stringify(value))}</code>`;
}

function typeName(schema: JsonObject): string {
  const { type, items, format, additionalProperties } = schema;
  if (type === 'array') return `list of ${typeWords((items ?? {}) as JsonObject)}`;
  if (type === 'object' && typeof additionalProperties === 'object' && additionalProperties !== null) {
    const inner = typeWords(additionalProperties as JsonObject);
    return `object of ${inner}`;
  }
  const name = Array.isArray(type) ? type.join(' or ') : String(type ?? 'anything');
  return escapeHtml(typeof format === 'string' ? `${name} (${format})` : name);
}

const boundWords: Readonly<Record<string, (value: string) => string>> = {
  minimum: (value) => `at least ${value}`,
  maximum: (value) => `at most ${value}`,
  minLength: (value) => `${value} or more characters`,
  maxLength: (value) => `at most ${value} characters`,
  minItems: (value) => `${value} or more`,
  maxItems: (value) => `at most ${value}`,
  pattern: (value) => value,
  default: (value) => `${value} when absent`,
};

function bounds(schema: JsonObject): string {
  const said = Object.entries(boundWords).flatMap(([key, say]) => {
    const value = schema[key];
    return value === undefined
      ? []
      : [say(typeof value === 'string' ? value || '""' : JSON.stringify(value))];
  });
  return said.length === 0 ? '' : ` <span class="quiet">${escapeHtml(said.join(', '))}</span>`;
}
