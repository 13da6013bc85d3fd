/** What generators of clients go by: the operations of a document that programs call, with all that their methods take. */
import type { JsonObject } from '../../src/core/call.ts';
import { clientNameOf } from '../../src/openapi/client-names.ts';
import {
  operationsOf,
  type PlacedOperation,
  type ReadDocument,
  type ReadParameter,
} from '../../src/openapi/read-document.ts';

export interface Method {
  readonly group: string | undefined;
  readonly name: string;
  readonly placed: PlacedOperation;
  readonly summary: string;
  /** Of the path and the query. */
  readonly parameters: readonly ReadParameter[];
  readonly body: { readonly schema: JsonObject; readonly required: boolean } | undefined;
  /** Nothing where there is no answer in JSON. */
  readonly answer: JsonObject | undefined;
  readonly takesIfMatch: boolean;
  readonly needsIfMatch: boolean;
  readonly takesIdempotencyKey: boolean;
  readonly page: { readonly items: string; readonly next: string } | undefined;
  readonly streams: boolean;
  readonly hasCsv: boolean;
}

export function methodsOf(document: ReadDocument): readonly Method[] {
  return operationsOf(document).flatMap((placed) => {
    const name = clientNameOf(placed);
    return name === undefined ? [] : [methodOf(placed, name)];
  });
}

/** By group, in the order of the document; the client's own under the empty name. */
export function groupsOf(methods: readonly Method[]): ReadonlyMap<string, readonly Method[]> {
  return Map.groupBy(methods, ({ group }) => group ?? '');
}

/** Of the client itself, not of a group. */
export function className(name: string): string {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

function methodOf(
  placed: PlacedOperation,
  { group, method }: { group: string | undefined; method: string },
): Method {
  const { operation } = placed;
  const { parameters = [], requestBody, summary, responses } = operation;
  const { default: _, ...answers } = responses;
  const [success] = Object.entries(answers).filter(([status]) => status.startsWith('2'));
  const content = success?.[1].content ?? {};
  const body = requestBody?.content['application/json'];
  const ifMatch = parameters.find(({ name }) => name === 'If-Match');
  const hasCsv = 'text/csv' in content;
  return {
    group,
    name: method,
    placed,
    summary,
    // The form of the answer is the method's to say.
    parameters: parameters.filter(
      ({ in: place, name }) => place !== 'header' && !(hasCsv && name === 'format'),
    ),
    body: body === undefined ? undefined : { schema: body.schema, required: requestBody?.required === true },
    answer: content['application/json']?.schema,
    takesIfMatch: ifMatch !== undefined,
    needsIfMatch: ifMatch?.required === true,
    takesIdempotencyKey: parameters.some(({ name }) => name === 'Idempotency-Key'),
    page: operation['x-millrace-page'],
    streams: 'text/event-stream' in content,
    hasCsv,
  };
}
