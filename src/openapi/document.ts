/** Operations in, an OpenAPI 3.1 document out. Pure: it knows no listener. */
import type { z } from 'zod';
import type { JsonObject } from '../core/call.ts';
import type { Answer, Body, Content, Operation } from './operation.ts';
import { describeSchema, SchemaBook } from './schema-book.ts';

export interface About {
  readonly title: string;
  readonly description: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Ways to carry a credential, as OpenAPI names them. */
  readonly securitySchemes: JsonObject;
  /** What operations call their failures. */
  readonly failures: Readonly<Record<string, FailureForm>>;
  readonly headers: Readonly<Record<string, string>>;
}

export interface FailureForm {
  readonly description: string;
  readonly type: string;
  readonly schema: z.ZodType;
  readonly example: unknown;
}

/** Of the APIs, not of the gateway: it changes when something that clients rely on does. */
const version = '1';

export function createDocument(operations: readonly Operation[], about: About): JsonObject {
  const book = new SchemaBook();
  const paths: Record<string, Record<string, JsonObject>> = {};
  const schemes = Object.keys(about.securitySchemes);
  for (const operation of operations) {
    const described = describe(operation, book, schemes);
    paths[operation.path] = { ...paths[operation.path], [operation.method.toLowerCase()]: described };
  }
  const responses = Object.entries(about.failures).map(([name, form]) => [name, failure(name, form, book)]);
  return {
    openapi: '3.1.0',
    info: {
      title: about.title,
      version,
      description: about.description,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    tags: Object.entries(about.tags).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: about.securitySchemes,
      responses: Object.fromEntries(responses),
      headers: Object.fromEntries(
        Object.entries(about.headers).map(([name, description]) => [
          name,
          { description, schema: { type: 'string' } },
        ]),
      ),
      schemas: book.schemas,
    },
  };
}

function describe(operation: Operation, book: SchemaBook, schemes: readonly string[]): JsonObject {
  const { id, tag, summary, description, permission, sameAs, parameters, body, answers } = operation;
  const name = nameOf(id);
  const page = sameAs === undefined ? pageOf(operation) : undefined;
  return {
    operationId: sameAs === undefined ? id : `${id} at ${operation.path}`,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(sameAs === undefined ? {} : { 'x-millrace-same-as': sameAs }),
    'x-millrace-permission': permission,
    ...(page === undefined ? {} : { 'x-millrace-page': page }),
    security: permission === 'public' ? [] : schemes.map((scheme) => ({ [scheme]: [] })),
    ...(parameters.length === 0 ? {} : { parameters: parameters.map((parameter) => ({ ...parameter })) }),
    ...(body === undefined ? {} : { requestBody: requestBody(body, `${name}Body`, book) }),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, answer], index) => {
          const called = index === 0 ? `${name}Answer` : `${name}Answer${status}`;
          return [status, response(answer, called, book)];
        }),
      ),
      default: { $ref: `#/components/responses/${operation.failures}` },
    },
  };
}

function requestBody({ type, schema, required, example }: Body, name: string, book: SchemaBook): JsonObject {
  const described = schema === undefined ? binary : book.refer(schema, name, 'input');
  return {
    required,
    content: { [type]: { schema: described, ...(example === undefined ? {} : { example }) } },
  } as JsonObject;
}

const binary: JsonObject = { type: 'string', contentEncoding: 'binary' };

function response(
  { description, content, headers = [] }: Answer,
  name: string,
  book: SchemaBook,
): JsonObject {
  const described = Object.entries(content).map(([type, each]) => [type, media(each, name, book)]);
  return {
    description,
    ...(headers.length === 0
      ? {}
      : {
          headers: Object.fromEntries(
            headers.map((header) => [header, { $ref: `#/components/headers/${header}` }]),
          ),
        }),
    ...(described.length === 0 ? {} : { content: Object.fromEntries(described) }),
  };
}

function media(content: Content, name: string, book: SchemaBook): JsonObject {
  if ('text' in content) return { schema: { type: 'string', description: content.text } };
  if ('item' in content) {
    const { item, description } = content;
    // OpenAPI 3.1 has no word for what a stream is made of.
    return {
      schema: { type: 'string', description },
      'x-millrace-item': book.refer(item, `${name}Item`, 'output'),
    };
  }
  const { schema, example } = content;
  const described = book.refer(schema, name, 'output');
  return { schema: described, ...(example === undefined ? {} : { example }) } as JsonObject;
}

function failure(name: string, form: FailureForm, book: SchemaBook): JsonObject {
  const { description, type, schema, example } = form;
  const described = book.refer(schema, name, 'output');
  return { description, content: { [type]: { schema: described, example } } } as JsonObject;
}

/** Where an answer is a page of a list: by which field it tells the next one, and which parameter takes it. */
function pageOf({ parameters, answers }: Operation): JsonObject | undefined {
  const cursor = parameters.find(({ name }) => name === 'after' || name === 'before');
  const content = answers[200]?.content['application/json'];
  if (cursor === undefined || content === undefined || !('schema' in content)) return undefined;
  const { properties = {} } = describeSchema(content.schema, 'output');
  const fields = Object.entries(properties as Record<string, JsonObject>);
  const items = fields.find(([, field]) => field['type'] === 'array')?.[0];
  const told = fields.some(([name]) => name === 'next');
  return items === undefined || !told ? undefined : { items, next: cursor.name };
}

/** `configured-keys.list` as a name of types: `ConfiguredKeysList`. */
function nameOf(id: string): string {
  return id
    .split(/[.-]/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}
