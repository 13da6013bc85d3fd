/** The Python client: one module for each document, written from it alone. */
import type { Json, JsonObject } from '../../src/core/call.ts';
import { snakeCase } from '../../src/openapi/client-names.ts';
import { pythonName } from '../../src/openapi/pages/snippets.ts';
import type { ReadDocument } from '../../src/openapi/read-document.ts';
import { className, groupsOf, type Method, methodsOf } from './client-operations.ts';
import { namesIn } from './schemas.ts';
import type { ClientKind } from './typescript.ts';

export function writePython(document: ReadDocument, kind: ClientKind): string {
  const methods = methodsOf(document);
  const groups = groupsOf(methods);
  const own = groups.get('') ?? [];
  const named = [...groups].filter(([name]) => name !== '');
  const types = new TypeWriter();
  for (const name of namesIn(document, methods)) types.write(name, document.components.schemas[name] ?? {});
  return [
    `"""${kind.title} Written by scripts/make-clients.ts from what the gateway says of itself; changes here are lost."""`,
    '',
    'from __future__ import annotations',
    '',
    'from typing import Any, Dict, Iterator, List, Literal, Optional, TypedDict, Union, cast',
    'from urllib.parse import quote',
    '',
    kind.flat ? 'from ._connection import Connection, given' : 'from ._connection import Connection',
    '',
    ...types.lines,
    ...named.map(([name, of]) => groupClass(name, of, { kind, document })),
    clientClass(
      own,
      named.map(([name]) => name),
      { kind, document },
    ),
  ].join('\n');
}

/** Python has no types without names for objects: what stands inside another gets a name of both. */
class TypeWriter {
  readonly #types: string[] = [];
  readonly #aliases: string[] = [];

  /** Other names for types come last, when all of these are there. */
  get lines(): readonly string[] {
    return [...this.#types, ...this.#aliases];
  }

  write(name: string, schema: JsonObject): void {
    const { properties, required = [] } = schema;
    if (properties === undefined) {
      this.#aliases.push(`${name} = ${this.type(schema, name)}`, '');
      return;
    }
    const fields = Object.entries(properties as Record<string, JsonObject>).map(([field, held]) => ({
      field,
      needed: (required as readonly string[]).includes(field),
      type: this.type(held, name + className(field)),
    }));
    const needs = fields.filter(({ needed }) => needed);
    const mays = fields.filter(({ needed }) => !needed);
    if (needs.length > 0 && mays.length > 0) {
      this.#typed(`_${name}Needs`, needs, true);
      this.#typed(`_${name}May`, mays, false);
      this.#types.push(`class ${name}(_${name}Needs, _${name}May):`, '    pass', '', '');
    } else this.#typed(name, fields, mays.length === 0);
  }

  #typed(name: string, fields: readonly { field: string; type: string }[], total: boolean): void {
    const held = fields.map(({ field, type }) => `    ${JSON.stringify(field)}: ${JSON.stringify(type)},`);
    // In this form, since some of our names are words of the language. The types are read when somebody asks for them.
    this.#types.push(
      `${name} = TypedDict(`,
      `    "${name}",`,
      '    {',
      ...held.map((line) => `    ${line}`),
      '    },',
      ...(total ? [] : ['    total=False,']),
      ')',
      '',
    );
  }

  type(schema: JsonObject, name: string): string {
    const { $ref: reference, anyOf, oneOf, enum: words, const: constant, type } = schema;
    if (typeof reference === 'string') return reference.split('/').at(-1) ?? 'Any';
    const choices = (anyOf ?? oneOf) as readonly JsonObject[] | undefined;
    if (choices !== undefined) {
      return union(choices.map((choice, index) => this.type(choice, `${name}${index + 1}`)));
    }
    if (words !== undefined) return `Literal[${(words as readonly Json[]).map(literal).join(', ')}]`;
    if (constant !== undefined) return `Literal[${literal(constant)}]`;
    if (Array.isArray(type)) return union(type.map((one) => this.type({ ...schema, type: one }, name)));
    return this.#plain(schema, name);
  }

  #plain(schema: JsonObject, name: string): string {
    const { type, items = {}, properties } = schema;
    if (type === 'array') return `List[${this.type(items as JsonObject, `${name}Item`)}]`;
    if (properties === undefined)
      return type === 'object' ? 'Dict[str, Any]' : (scalars[String(type)] ?? 'Any');
    this.write(name, schema);
    return name;
  }
}

function union(types: readonly string[]): string {
  return `Union[${[...new Set(types)].join(', ')}]`;
}

function literal(value: Json): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return JSON.stringify(value);
}

const scalars: Readonly<Record<string, string>> = {
  string: 'str',
  number: 'float',
  integer: 'int',
  boolean: 'bool',
  null: 'None',
};

interface Context {
  readonly kind: ClientKind;
  readonly document: ReadDocument;
}

function groupClass(name: string, methods: readonly Method[], context: Context): string {
  return `
class _${className(name)}:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

${methods.flatMap((method) => methodLines(method, context)).join('\n\n')}
`;
}

function clientClass(own: readonly Method[], groups: readonly string[], context: Context): string {
  const { kind } = context;
  const made = groups.map((name) => `        self.${snakeCase(name)} = _${className(name)}(connection)`);
  return `
class ${kind.className}:
    """${kind.title}

    \`\`timeout\`\` is in seconds and holds for each wait for the gateway. \`\`retries\`\` says how often a request is sent again
    when the gateway could not be reached or was busy; what changes something carries an Idempotency-Key then.
    """

    def __init__(
        self,
        url: str,
        key: Optional[str] = None,
        *,
        timeout: float = 600.0,
        retries: int = 0,
    ) -> None:
        connection = Connection(url, key, timeout=timeout, retries=retries)
        self._connection = connection
${made.join('\n')}
${own
  .flatMap((method) => methodLines(method, context))
  .map((lines) => `\n${lines}\n`)
  .join('')}`;
}

interface Argument {
  readonly name: string;
  readonly wire: string;
  readonly type: string;
  readonly needed: boolean;
  readonly place: 'path' | 'query' | 'body';
}

function argumentsOf(method: Method, { kind, document }: Context): readonly Argument[] {
  const of = (wire: string, schema: JsonObject, rest: Pick<Argument, 'needed' | 'place'>): Argument => ({
    name: pythonName(wire),
    wire,
    type: new TypeWriter().type(schema, 'Any'),
    ...rest,
  });
  const parameters = method.parameters.map(({ name, schema, required, in: place }) =>
    of(name, schema, { needed: required, place: place === 'path' ? 'path' : 'query' }),
  );
  if (method.body === undefined) return parameters;
  const { schema, required } = method.body;
  if (!kind.flat) return [...parameters, of('body', schema, { needed: required, place: 'body' })];
  const name = String(schema['$ref']).split('/').at(-1) ?? '';
  const { properties = {}, required: needed = [] } = document.components.schemas[name] ?? {};
  const fields = Object.entries(properties as Record<string, JsonObject>).filter(
    ([field]) => field !== 'stream',
  );
  return [
    ...parameters,
    ...fields.map(([field, held]) =>
      of(field, held, { needed: (needed as readonly string[]).includes(field), place: 'body' }),
    ),
  ];
}

function methodLines(method: Method, context: Context): readonly string[] {
  const given = argumentsOf(method, context);
  const lines: string[] = [];
  const { summary, answer, streams, page, hasCsv } = method;
  const name = snakeCase(method.name);
  const result = answer === undefined ? 'None' : new TypeWriter().type(answer, 'Any');
  if (answer !== undefined || !streams) {
    const call = `self._connection.json(${requestOf(method, given, { kind: context.kind, extra: '' })})`;
    const body = answer === undefined ? [call] : [`return cast("${result}", ${call})`];
    lines.push(define({ name, given, method, result, summary }, body));
  }
  if (hasCsv) {
    const call = `self._connection.text(${requestOf(method, given, { kind: context.kind, extra: '"format": "csv"' })})`;
    lines.push(
      define({ name: `${name}_csv`, given, method, result: 'str', summary: `${summary}, as CSV` }, [
        `return ${call}`,
      ]),
    );
  }
  if (streams) {
    const call = `self._connection.events(${requestOf(method, given, { kind: context.kind, extra: answer === undefined ? '' : '"stream": True' })})`;
    const streamed = answer === undefined ? name : `${name}_stream`;
    const body = [`for event in ${call}:`, '    yield event["token"]'];
    lines.push(
      define(
        {
          name: streamed,
          given,
          method,
          result: 'Iterator[str]',
          summary: answer === undefined ? summary : `${summary}: word by word`,
        },
        body,
      ),
    );
  }
  if (page !== undefined) lines.push(eachLines(method, given, context.document));
  return lines;
}

interface Definition {
  readonly name: string;
  readonly given: readonly Argument[];
  readonly method: Method;
  readonly result: string;
  readonly summary: string;
}

function define({ name, given, method, result, summary }: Definition, body: readonly string[]): string {
  const sorted = [...given.filter(({ needed }) => needed), ...given.filter(({ needed }) => !needed)];
  const words = [
    ...sorted.map(({ name: word, type, needed }) =>
      needed ? `${word}: ${type}` : `${word}: Optional[${type}] = None`,
    ),
    ...(method.takesIfMatch
      ? [method.needsIfMatch ? 'if_match: Union[str, int]' : 'if_match: Optional[Union[str, int]] = None']
      : []),
    ...(method.takesIdempotencyKey ? ['idempotency_key: Optional[str] = None'] : []),
  ];
  const taken = words.length === 0 ? ['self'] : ['self', '*', ...words];
  return [
    `    def ${name}(`,
    ...taken.map((word) => `        ${word},`),
    `    ) -> ${result}:`,
    `        """${summary}"""`,
    ...body.map((line) => `        ${line}`),
  ].join('\n');
}

function requestOf(
  { placed, takesIfMatch, takesIdempotencyKey }: Method,
  given: readonly Argument[],
  { kind, extra }: { kind: ClientKind; extra: string },
): string {
  const { method, path } = placed;
  const inPath = path.replace(
    /\{(\w+)\}/g,
    (_, name: string) => `{quote(str(${pythonName(name)}), safe="")}`,
  );
  const dict = (place: Argument['place']) =>
    given.filter((each) => each.place === place).map(({ name, wire }) => `${JSON.stringify(wire)}: ${name}`);
  const query = [...dict('query'), ...(extra.startsWith('"format"') ? [extra] : [])];
  const fields = [...dict('body'), ...(extra.startsWith('"stream"') ? [extra] : [])];
  const parts = [
    JSON.stringify(method),
    `${inPath === path ? '' : 'f'}'${inPath}'`,
    ...(query.length === 0 ? [] : [`query={${query.join(', ')}}`]),
    ...(fields.length === 0 ? [] : [kind.flat ? `body=given({${fields.join(', ')}})` : 'body=body or {}']),
    ...(takesIfMatch ? ['if_match=if_match'] : []),
    ...(takesIdempotencyKey ? ['idempotency_key=idempotency_key'] : []),
  ];
  return parts.join(', ');
}

/** Page after page, for as long as somebody asks for more. */
function eachLines(method: Method, given: readonly Argument[], document: ReadDocument): string {
  const { items = '', next = '' } = method.page ?? {};
  const listed = document.components.schemas[String(method.answer?.['$ref']).split('/').at(-1) ?? ''];
  const list = (listed?.['properties'] as Readonly<Record<string, JsonObject>> | undefined)?.[items];
  const one = new TypeWriter().type((list?.['items'] ?? {}) as JsonObject, 'Any');
  const name = snakeCase(method.name);
  const each = name === 'list' ? 'each' : `${name}_each`;
  const passed = given.map(({ name: word }) => `${word}=${word}`).join(', ');
  const body = [
    'while True:',
    `    page = self.${name}(${passed})`,
    `    yield from page["${items}"]`,
    '    if "next" not in page:',
    '        return',
    `    ${pythonName(next)} = page["next"]`,
  ];
  const summary = `${method.summary}: all of them, one after the other`;
  return define({ name: each, given, method, result: `Iterator[${one}]`, summary }, body);
}
