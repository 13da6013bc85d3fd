/** The document of the admin API: its rows, as OpenAPI has them. */
import type { z } from 'zod';
import type { JsonObject } from '../core/call.ts';
import { type About, createDocument } from '../openapi/document.ts';
import type { Answer, Body, Content, Operation, Parameter } from '../openapi/operation.ts';
import { fieldsOf } from '../openapi/schema-book.ts';
import { mayBeRepeated } from './asked-once.ts';
import { type AdminRoute, queryOf } from './route.ts';
import { problemDetailsShape } from './shapes.ts';

export function createAdminDocument(rows: readonly AdminRoute[]): JsonObject {
  const told = Object.fromEntries(rows.map(({ tag }) => [tag, tags[tag] ?? '']));
  return createDocument(rows.map(operationOf), { ...about, tags: told });
}

function operationOf(row: AdminRoute): Operation {
  const { name, method, path, tag, summary, permission, scope } = row;
  const body = bodyOf(row);
  return {
    id: name,
    method,
    path: path.replace(/:(\w+)/g, '{$1}'),
    tag,
    summary,
    ...(scope === 'tenant' || permission === 'public' ? {} : { description: gatewayOnly }),
    permission,
    parameters: parametersOf(row),
    ...(body === undefined ? {} : { body }),
    answers: answersOf(row),
    failures: 'Problem',
  };
}

const gatewayOnly = 'For the people of the tenant that runs the gateway.';

function parametersOf(row: AdminRoute): readonly Parameter[] {
  const { params, example, ifMatch } = row;
  const part = (place: 'path' | 'query', schema: NonNullable<typeof params>): Parameter[] =>
    fieldsOf(schema, 'input').map(({ name, field: { description, ...field }, required }) => ({
      name,
      in: place,
      required,
      ...(typeof description === 'string' ? { description } : {}),
      schema: field,
      ...exampleOf((place === 'path' ? example.params : example.query)?.[name]),
    }));
  const header = (name: string, required: boolean, description: string): Parameter => ({
    name,
    in: 'header',
    required,
    description,
    schema: { type: 'string' },
  });
  return [
    ...(params === undefined ? [] : part('path', params)),
    ...part('query', queryOf(row)),
    ...(ifMatch === undefined
      ? []
      : [header('If-Match', ifMatch === 'required', 'The ETag of the version that you have seen, or `*`.')]),
    ...(mayBeRepeated(row)
      ? [
          header(
            'Idempotency-Key',
            false,
            'Of your making: what carries the same one again is not done again.',
          ),
        ]
      : []),
  ];
}

function exampleOf(example: string | undefined): { readonly example?: string } {
  return example === undefined ? {} : { example };
}

function bodyOf({ body, example }: AdminRoute): Body | undefined {
  if (body === undefined) return undefined;
  const required = !body.safeParse(undefined).success;
  return { type: 'application/json', schema: body, required, example: example.body };
}

function answersOf(row: AdminRoute): Operation['answers'] {
  const { answers, alsoAs = [], example, sendsOn } = row;
  const others = Object.fromEntries(
    alsoAs.map((type): [string, Content] => [
      plainType(type),
      { text: type.startsWith('text/html') ? 'A page.' : 'As text.' },
    ]),
  );
  const named = Object.entries(answers).map(([status, schema], index): [string, Answer] => {
    const json: Content = {
      schema,
      ...(index === 0 && 'answer' in example ? { example: example.answer } : {}),
    };
    const content = status === '204' ? {} : { 'application/json': json, ...others };
    const description = Number(status) < 400 ? 'Done.' : 'Not done; the answer says why.';
    return [status, { description, content, headers: headersOf(row, Number(status), schema) }];
  });
  // Pages and texts are no schema's.
  return Object.fromEntries(
    named.length > 0
      ? named
      : [sendsOn === true ? sentOn(others) : ['200', { description: 'Done.', content: others }]],
  );
}

function sentOn(content: Answer['content']): [string, Answer] {
  return ['302', { description: 'Sent on to `location`.', content, headers: ['location'] }];
}

function headersOf(row: AdminRoute, status: number, schema: z.ZodType): readonly string[] {
  const { etag, ifMatch, method } = row;
  if (status === 204 || status >= 400) return [];
  const isPage = method === 'GET' && fieldsOf(schema, 'output').some(({ name }) => name === 'next');
  return [
    ...(etag === true || ifMatch !== undefined ? ['etag'] : []),
    ...(status === 201 ? ['location'] : []),
    ...(isPage ? ['link'] : []),
  ];
}

/** Without its parameters, as OpenAPI likes to have it. */
function plainType(type: string): string {
  return type.split(';')[0] ?? type;
}

const tags: Readonly<Record<string, string>> = {
  probes: 'What orchestrators and Prometheus ask.',
  state: 'How the gateway and its fleet are.',
  configuration: 'The configuration: what it is, and what it was.',
  usage: 'What was used, and what it cost.',
  tenants: 'Who uses the gateway.',
  teams: 'Groups of a tenant’s people.',
  users: 'People and programs.',
  keys: 'What clients send to be known.',
  audit: 'What was changed, by whom, and whether the record of it is whole.',
  sessions: 'Signing in to the console.',
  alerts: 'Who is told when something is wrong.',
  secrets: 'What `store:NAME` in the configuration means.',
  privacy: 'What is kept of people: handed over, or erased.',
  documents: 'This description.',
};

const about: Omit<About, 'tags'> = {
  title: 'Millrace: the admin API',
  description:
    'Send the admin token or a key of a suitable role as `Authorization: Bearer`. What belongs to a tenant takes ' +
    '`tenant` in its query: only the people of the tenant that runs the gateway may name another than their own.\n\n' +
    'Refusals are problem details (RFC 9457); programs go by `code`. A body is at most 64 KiB; that of a configuration may be larger.',
  securitySchemes: {
    bearer: { type: 'http', scheme: 'bearer', description: 'The admin token, or a key of the gateway.' },
    session: {
      type: 'apiKey',
      in: 'cookie',
      name: '__Host-millrace-session',
      description:
        'Of people who signed in. Changes need `x-millrace-csrf` besides, as `/admin/api/v1/session` tells it.',
    },
  },
  failures: {
    Problem: {
      description: 'What went wrong, and what to do about it.',
      type: 'application/problem+json',
      schema: problemDetailsShape,
      example: {
        type: 'about:blank',
        title: 'Precondition Failed',
        status: 412,
        detail: 'it has changed since the version that If-Match names: read it again',
        instance: '/admin/api/v1/users/ada',
        code: 'precondition_failed',
      },
    },
  },
  headers: {
    etag: 'The version, for `If-Match`.',
    location: 'Where what was made is.',
    link: 'Where the next page is, as `rel="next"`; absent on the last.',
  },
};
