/** The document of the clients' listener: what is registered, with what is said of it. */

import { z } from 'zod';
import type { Dialect, JsonObject } from '../core/call.ts';
import { type FailureCode, fail, failures } from '../core/failure.ts';
import type { PlacedRoute } from '../protocol/route-table.ts';
import { voices } from '../protocol/voices.ts';
import type { DescribedRoute } from './described-route.ts';
import { createDocument, type FailureForm } from './document.ts';
import { ollamaRoutes } from './ollama.ts';
import { openaiRoutes } from './openai.ts';
import type { Answer, Body, Content, Operation, Parameter } from './operation.ts';
import { probeRoutes } from './probes.ts';
import { simpleRoutes } from './simple.ts';

/** Tags, in the order of the pages. */
const tags = {
  openai: 'OpenAI’s dialect: point a client of OpenAI at `/v1`.',
  ollama: 'Ollama’s dialect: point a client of Ollama here. Verbs that change models are for operators.',
  simple: 'Short requests for short programs.',
  probes: 'Health, metrics and these pages.',
} as const;

export const describedRoutes = {
  openai: openaiRoutes,
  ollama: ollamaRoutes,
  simple: simpleRoutes,
  probes: probeRoutes,
} as const;

export function createClientDocument(placed: readonly PlacedRoute[]): JsonObject {
  const first = new Map<string, string>();
  const gets = new Set(placed.filter(({ method }) => method === 'GET').map(({ path }) => path));
  const operations = placed
    // Whatever answers GET answers HEAD too, which is said once.
    .filter(({ method, path }) => method !== 'HEAD' || !gets.has(path))
    .map((each) => {
      const sameAs = first.get(each.route.name);
      if (sameAs === undefined) first.set(each.route.name, pathOf(each, find(each).described));
      return operationOf(each, sameAs);
    });
  return createDocument(operations, about);
}

function find({ route }: PlacedRoute): { readonly tag: string; readonly described: DescribedRoute } {
  for (const [tag, routes] of Object.entries(describedRoutes)) {
    const described = routes[route.name];
    if (described !== undefined) return { tag, described };
  }
  throw new TypeError(`nobody has described the route ${route.name}`);
}

function pathOf({ path }: PlacedRoute, { rest }: DescribedRoute): string {
  return rest === undefined ? path : path.replace('*', `{${rest.name}}`);
}

function operationOf(placed: PlacedRoute, sameAs: string | undefined): Operation {
  const { tag, described } = find(placed);
  const { method, route } = placed;
  const { summary, description } = described;
  const body = bodyOf(described);
  return {
    id: route.name,
    method,
    path: pathOf(placed, described),
    tag,
    summary: sameAs === undefined ? summary : `Another path for ${sameAs}`,
    ...(description === undefined ? {} : { description }),
    permission: route.permission,
    parameters: parametersOf(described, route.endpoint !== undefined),
    ...(body === undefined ? {} : { body }),
    answers: answersOf(described, route.endpoint !== undefined),
    failures: formOf(route.voice.dialect),
    ...(sameAs === undefined ? {} : { sameAs }),
  };
}

function parametersOf(
  { rest, choosesUpstreams, example }: DescribedRoute,
  calls: boolean,
): readonly Parameter[] {
  const header = (name: string, description: string): Parameter => ({
    name,
    in: 'header',
    required: false,
    description,
    schema: { type: 'string' },
  });
  return [
    ...(rest === undefined
      ? []
      : [
          {
            name: rest.name,
            in: 'path',
            required: true,
            description: rest.description,
            schema: { type: 'string' },
            ...(example.rest === undefined ? {} : { example: example.rest }),
          } as const,
        ]),
    ...(choosesUpstreams === true
      ? [header('x-millrace-upstreams', 'Names of the upstreams that are meant, with commas between.')]
      : []),
    ...(calls
      ? [
          header(
            'Idempotency-Key',
            'Of your making: what carries the same one again is answered, not done again.',
          ),
        ]
      : []),
  ];
}

function bodyOf({ body, example }: DescribedRoute): Body | undefined {
  if (body === undefined) return undefined;
  if (body === 'bytes') return { type: 'application/octet-stream', required: true };
  return { type: 'application/json', schema: body, required: true, example: example.body };
}

function answersOf(described: DescribedRoute, calls: boolean): Operation['answers'] {
  const { answer, stream, streamsOnly, status = 200, otherwise = {} } = described;
  const whole: Record<string, Content> =
    answer === undefined
      ? {}
      : 'text' in answer && typeof answer.text === 'string'
        ? { [answer.type]: { text: answer.text } }
        : { 'application/json': { schema: answer as z.ZodType } };
  const { type = '', ...streamed } = stream ?? { item: z.unknown(), description: '' };
  const content = {
    ...(streamsOnly === true ? {} : whole),
    ...(stream === undefined ? {} : { [type]: streamed }),
  };
  const headers = calls ? callHeaders : ['x-request-id'];
  const others = Object.entries(otherwise).map(([other, description]): [string, Answer] => [
    other,
    // What is said at 200 is said in the same words where it is no.
    { description, content: Number(other) >= 400 ? whole : {}, headers },
  ]);
  return Object.fromEntries([[String(status), { description: 'Done.', content, headers }], ...others]);
}

const headers = {
  'x-request-id': 'The exchange’s id; who asks us about it sends this along.',
  'x-millrace-model': 'The model that answered, as clients call it.',
  'x-millrace-target': 'The upstream and the model on it that answered.',
  'x-millrace-warning': 'What was not done quite as it was asked.',
  'x-millrace-degraded': 'What the gateway cannot reach at the moment.',
};
const callHeaders = Object.keys(headers);

function formOf(dialect: Dialect): string {
  return `${dialect.charAt(0).toUpperCase()}${dialect.slice(1)}Failure`;
}

const openaiFailure = z.looseObject({
  error: z.looseObject({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string(),
    request_id: z.string(),
  }),
});
const shapes = {
  openai: openaiFailure,
  ollama: z.looseObject({ error: z.string(), request_id: z.string() }),
  simple: z.looseObject({ detail: z.string(), code: z.string(), request_id: z.string() }),
} as const;

/** As the voice itself tells it, so that the document cannot say otherwise. */
function failureForm(dialect: keyof typeof shapes): FailureForm {
  const voice = voices[dialect];
  const id = '0197f2b0-0000-7000-8000-000000000000';
  const byStatus = Map.groupBy(
    (Object.keys(failures) as FailureCode[]).filter((code) => code !== 'client_gone'),
    (code) => voice.renderFailure(fail(code, ''), id).status,
  );
  const lines = [...byStatus]
    .sort(([one], [other]) => one - other)
    .map(([status, codes]) => `- ${status}: ${codes.map((code) => `\`${code}\``).join(', ')}`);
  const example = voice.renderFailure(
    fail('rate_limited', 'too many requests: try again in 2 s', { retryAfterS: 2 }),
    id,
  );
  return {
    description: `What went wrong, and whose fault it is. \`Retry-After\` says when to come again.\n\n${lines.join('\n')}`,
    type: 'application/json',
    schema: shapes[dialect],
    example: JSON.parse(example.body),
  };
}

const key = 'A key of the gateway, or a token of an issuer that it believes.';

const about = {
  title: 'Millrace: the clients’ APIs',
  description:
    'One gateway for language models, in three dialects. Send a key in one of the ways below, or in front of the path: ' +
    '`/k/KEY/v1/models`. Two different ones in a request are refused.\n\n' +
    'A body is at most 10 MiB, unless the gateway’s people have set something else. Fields that are null count as absent; ' +
    'fields that are not described go along to engines that know them.',
  tags,
  securitySchemes: {
    bearer: { type: 'http', scheme: 'bearer', description: key },
    'x-api-key': { type: 'apiKey', in: 'header', name: 'x-api-key', description: key },
    'api-key': { type: 'apiKey', in: 'header', name: 'api-key', description: key },
    key: {
      type: 'apiKey',
      in: 'query',
      name: 'key',
      description: 'For clients that can do nothing else: addresses end up in logs.',
    },
  },
  failures: {
    OpenaiFailure: failureForm('openai'),
    OllamaFailure: failureForm('ollama'),
    SimpleFailure: failureForm('simple'),
  },
  headers,
};
