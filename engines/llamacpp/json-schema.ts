/** Brings a JSON Schema into the part of the language that grammars are made from; refuses, by path, what is beyond it. */
import { type Fields, isFields } from './fields.ts';
import { invalid } from './request-error.ts';

/** A schema is compiled on the event loop, so its size is bounded. */
const bounds = { depthMax: 32, nodesMax: 2000 } as const;

/** Keywords that say nothing about which texts are valid. */
const annotations = new Set(['title', 'description', 'default', 'examples', '$schema', '$id', '$comment']);
/** Keywords that pass as they are. A grammar always writes every property, so `required` holds by itself. */
const verbatim = new Set([
  'const',
  'enum',
  'format',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
  'required',
  '$ref',
]);
const formats = new Set(['date-time', 'time', 'date']);

type Convert = (value: unknown, place: Place) => unknown;
interface Place {
  readonly path: string;
  readonly depth: number;
  readonly budget: { nodes: number };
}

const converters: Readonly<Record<string, Convert>> = {
  properties: convertEach,
  $defs: convertEach,
  items: convert,
  prefixItems: convertAll,
  oneOf: convertAll,
  additionalProperties: (value, place) => (typeof value === 'boolean' ? value : convert(value, place)),
};

export function toGrammarSchema(schema: unknown, path: string): object {
  return convert(schema, { path, depth: 0, budget: { nodes: bounds.nodesMax } });
}

function convert(schema: unknown, place: Place): object {
  if (!isFields(schema)) throw invalid(place.path, 'must be a JSON Schema object');
  place.budget.nodes -= 1;
  if (place.depth > bounds.depthMax || place.budget.nodes < 0) {
    throw invalid(place.path, `goes beyond ${bounds.depthMax} levels or ${bounds.nodesMax} schemas`);
  }
  const { type, anyOf, ...rest } = schema;
  const converted = convertKeywords(anyOf === undefined ? rest : { ...rest, oneOf: anyOf }, place);
  if (type === undefined) return converted;
  if (!Array.isArray(type)) return { type, ...converted };
  return oneOfTypes(type, converted);
}

function convertKeywords(schema: Fields, place: Place): Fields {
  const converted: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (annotations.has(keyword)) continue;
    const inner = { ...place, path: `${place.path}.${keyword}`, depth: place.depth + 1 };
    if (keyword === 'format' && !formats.has(String(value))) throw unsupported(inner);
    const converter = Object.hasOwn(converters, keyword) ? converters[keyword] : undefined;
    if (converter !== undefined) converted[keyword] = converter(value, inner);
    else if (verbatim.has(keyword)) converted[keyword] = value;
    else throw unsupported(inner);
  }
  return converted;
}

function unsupported(place: Place): Error {
  return invalid(place.path, 'is a part of JSON Schema that the llama.cpp engine cannot enforce');
}

function convertEach(value: unknown, place: Place): unknown {
  if (!isFields(value)) throw invalid(place.path, 'must be an object');
  return Object.fromEntries(
    Object.entries(value).map(([name, schema]) => [
      name,
      convert(schema, { ...place, path: `${place.path}.${name}` }),
    ]),
  );
}

function convertAll(value: unknown, place: Place): unknown {
  if (!Array.isArray(value)) throw invalid(place.path, 'must be an array');
  return value.map((schema, index) => convert(schema, { ...place, path: `${place.path}[${index}]` }));
}

/** Several types with keywords of their own, as in `["object", "null"]`, are alternatives. */
function oneOfTypes(types: readonly unknown[], keywords: Fields): object {
  if (Object.keys(keywords).length === 0) return { type: types };
  const { $defs, ...own } = keywords;
  const alternatives = types.map((type) => (type === 'null' ? { type } : { type, ...own }));
  return $defs === undefined ? { oneOf: alternatives } : { oneOf: alternatives, $defs };
}
