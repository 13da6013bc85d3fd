/** The TypeScript client: one class for each document, written from it alone. */
import type { Json, JsonObject } from '../../src/core/call.ts';
import type { ReadDocument } from '../../src/openapi/read-document.ts';
import { className, groupsOf, type Method, methodsOf } from './client-operations.ts';
import { namesIn } from './schemas.ts';

export interface ClientKind {
  readonly className: string;
  readonly title: string;
  /** Whether bodies are given by themselves: where paths and queries take nothing. */
  readonly flat: boolean;
}

export function writeTypescript(document: ReadDocument, kind: ClientKind): string {
  const methods = methodsOf(document);
  const groups = groupsOf(methods);
  const own = groups.get('') ?? [];
  const named = [...groups].filter(([name]) => name !== '');
  const usesChange = methods.some(({ takesIfMatch }) => takesIfMatch);
  return [
    '/** Written by scripts/make-clients.ts from what the gateway says of itself; changes here are lost. */',
    `import { type CallOptions, ${usesChange ? 'type ChangeOptions, ' : ''}type ClientOptions, Connection } from "../connection.ts";`,
    '',
    ...namesIn(document, methods).map((name) => typeOf(name, document.components.schemas[name] ?? {})),
    ...named.map(([name, of]) => groupClass(name, of, kind)),
    clientClass(
      kind,
      own,
      named.map(([name]) => name),
    ),
    '',
  ].join('\n');
}

function typeOf(name: string, schema: JsonObject): string {
  const isPlain = schema['properties'] !== undefined && schema['anyOf'] === undefined;
  return isPlain
    ? `export interface ${name} ${written(schema, '')}\n`
    : `export type ${name} = ${written(schema, '')};\n`;
}

export function written(schema: JsonObject, indent: string): string {
  const { $ref: reference, anyOf, oneOf, enum: words, const: constant, type } = schema;
  if (typeof reference === 'string') return reference.split('/').at(-1) ?? 'unknown';
  const choices = (anyOf ?? oneOf) as readonly JsonObject[] | undefined;
  if (choices !== undefined) return choices.map((choice) => written(choice, indent)).join(' | ');
  if (words !== undefined) return (words as readonly Json[]).map((word) => JSON.stringify(word)).join(' | ');
  if (constant !== undefined) return JSON.stringify(constant);
  if (Array.isArray(type)) return type.map((one) => written({ ...schema, type: one }, indent)).join(' | ');
  if (type === 'array') return `ReadonlyArray<${written((schema['items'] ?? {}) as JsonObject, indent)}>`;
  if (type === 'object') return object(schema, indent);
  return scalars[String(type)] ?? 'unknown';
}

const scalars: Readonly<Record<string, string>> = {
  string: 'string',
  number: 'number',
  integer: 'number',
  boolean: 'boolean',
  null: 'null',
};

function object({ properties, required = [], additionalProperties }: JsonObject, indent: string): string {
  if (properties === undefined) {
    const of = additionalProperties as JsonObject | undefined;
    return `Readonly<Record<string, ${of === undefined ? 'unknown' : written(of, indent)}>>`;
  }
  const inner = `${indent}  `;
  const fields = Object.entries(properties as Record<string, JsonObject>).map(([name, field]) => {
    const optional = (required as readonly string[]).includes(name) ? '' : '?';
    const key = /^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name);
    const held = written(field, inner);
    return `${comment(field['description'], inner)}${inner}readonly ${key}${optional}: ${held}${optional === '' ? '' : ' | undefined'};`;
  });
  return `{\n${fields.join('\n')}\n${indent}}`;
}

function comment(text: Json | undefined, indent: string): string {
  return typeof text === 'string' ? `${indent}/** ${text.replaceAll('*/', '* /')} */\n` : '';
}

function groupClass(name: string, methods: readonly Method[], kind: ClientKind): string {
  return `class ${className(name)}Api {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

${methods.flatMap((method) => methodLines(method, kind)).join('\n\n')}
}
`;
}

function clientClass(kind: ClientKind, own: readonly Method[], groups: readonly string[]): string {
  const fields = groups.map((name) => `  readonly ${name}: ${className(name)}Api;`);
  const made = groups.map((name) => `    this.${name} = new ${className(name)}Api(connection);`);
  return `/** ${kind.title} */
export class ${kind.className} {
${own.length === 0 ? '' : '  readonly #connection: Connection;\n'}${fields.join('\n')}

  constructor(options: ClientOptions) {
    const connection = new Connection(options);
${own.length === 0 ? '' : '    this.#connection = connection;\n'}${made.join('\n')}
  }

${own.flatMap((method) => methodLines(method, kind)).join('\n\n')}
}`;
}

function methodLines(method: Method, kind: ClientKind): readonly string[] {
  const input = inputOf(method, kind);
  const answer = method.answer === undefined ? 'void' : written(method.answer, '');
  const options = method.needsIfMatch
    ? 'options: ChangeOptions'
    : `options: ${method.takesIfMatch ? 'ChangeOptions' : 'CallOptions'} = {}`;
  const lines: string[] = [];
  const add = (name: string, summary: string, [result, call]: readonly [string, string]) =>
    lines.push(
      `  /** ${summary} */\n  ${name}(${[input.declared, options].filter((each) => each !== '').join(', ')}): ${result} {\n    return ${call};\n  }`,
    );
  const sent = (extra = '') => requestOf(method, kind, extra);
  if (method.answer !== undefined || !method.streams) {
    add(method.name, method.summary, [`Promise<${answer}>`, `this.#connection.json(${sent()}, options)`]);
  }
  if (method.hasCsv) {
    add(`${method.name}Csv`, `${method.summary}, as CSV`, [
      'Promise<string>',
      `this.#connection.text(${sent("format: 'csv'")}, options)`,
    ]);
  }
  if (method.streams) {
    const whole = method.answer === undefined;
    const name = whole ? method.name : `${method.name}Stream`;
    lines.push(
      `  /** ${method.summary}${whole ? '' : ': word by word'} */\n  async *${name}(${input.declared}, ${options}): AsyncGenerator<string, void, undefined> {\n    for await (const { token } of this.#connection.events<TokenEvent>(${sent(whole ? '' : 'stream: true')}, options)) yield token;\n  }`,
    );
  }
  return method.page === undefined ? lines : [...lines, eachLines(method, input.declared)];
}

/** Page after page, for as long as somebody asks for more. */
function eachLines({ name, summary, page, answer }: Method, declared: string): string {
  const { items = '', next = '' } = page ?? {};
  const listed = written(answer ?? {}, '');
  return `  /** ${summary}: all of them, one after the other */
  async *${name === 'list' ? 'each' : `${name}Each`}(${declared}, options: CallOptions = {}): AsyncGenerator<${listed}['${items}'][number], void, undefined> {
    let asked = input;
    for (;;) {
      const page = await this.${name}(asked, options);
      yield* page.${items};
      if (page.next === undefined) return;
      asked = { ...asked, ${next}: page.next };
    }
  }`;
}

function inputOf(method: Method, { flat }: ClientKind): { readonly declared: string } {
  const { parameters, body } = method;
  if (flat)
    return { declared: body === undefined ? '' : `body: ${withoutStream(written(body.schema, ''), method)}` };
  const fields = [
    ...parameters.map(({ name, required, schema, description }) => {
      const mark = required ? '' : '?';
      return `${comment(description, '    ')}    readonly ${name}${mark}: ${written(schema, '    ')}${required ? '' : ' | undefined'};`;
    }),
    ...(body === undefined
      ? []
      : [`    readonly body${body.required ? '' : '?'}: ${written(body.schema, '    ')};`]),
  ];
  if (fields.length === 0) return { declared: '' };
  const isNeeded = parameters.some(({ required }) => required) || body?.required === true;
  return { declared: `input: {\n${fields.join('\n')}\n  }${isNeeded ? '' : ' = {}'}` };
}

/** Which of its two forms an answer has is the method's to say. */
function withoutStream(type: string, { streams, answer }: Method): string {
  return streams && answer !== undefined ? `Omit<${type}, 'stream'>` : type;
}

function requestOf({ placed, parameters, body }: Method, { flat }: ClientKind, extra: string): string {
  const { method, path } = placed;
  const inPath = path.replace(/\{(\w+)\}/g, (_, name: string) => `\${encodeURIComponent(input.${name})}`);
  const query = parameters
    .filter(({ in: place }) => place === 'query')
    .map(({ name }) => `${name}: input.${name}`);
  const isCsv = extra.startsWith('format');
  const parts = [
    `method: '${method}'`,
    inPath === path ? `path: '${path}'` : `path: \`${inPath}\``,
    ...(query.length === 0 ? [] : [`query: { ${[...query, ...(isCsv ? [extra] : [])].join(', ')} }`]),
    ...(body === undefined ? [] : [bodyPart(flat, extra)]),
  ];
  return `{ ${parts.join(', ')} }`;
}

function bodyPart(flat: boolean, extra: string): string {
  if (!flat) return 'body: input.body ?? {}';
  return extra === '' ? 'body' : `body: { ...body, ${extra} }`;
}
