/** What the example of an operation gives: all that is needed to send it. */
import type { Json } from '../core/call.ts';
import type { PlacedOperation } from './read-document.ts';

export interface Given {
  readonly path: Record<string, Json>;
  readonly query: Record<string, Json>;
  readonly header: Record<string, Json>;
  readonly body: Json | undefined;
  readonly type: string | undefined;
}

/** Besides what the example says, what cannot be left out. */
export function givenOf({ operation }: PlacedOperation): Given {
  const given: Given = { path: {}, query: {}, header: {}, body: undefined, type: undefined };
  for (const { in: place, name, example, required, schema } of operation.parameters ?? []) {
    const value = example ?? (required && place === 'header' ? '*' : undefined);
    if (value !== undefined) given[place][name] = typed(value, schema['type']);
  }
  const [content] = Object.entries(operation.requestBody?.content ?? {});
  return content === undefined ? given : { ...given, type: content[0], body: content[1].example };
}

function typed(text: string, type: Json | undefined): Json {
  return type === 'integer' || type === 'number' ? Number(text) : text;
}
