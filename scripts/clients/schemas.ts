/** Which schemas of a document its clients speak of. */
import type { JsonObject } from '../../src/core/call.ts';
import type { ReadDocument } from '../../src/openapi/read-document.ts';
import type { Method } from './client-operations.ts';

/** In order of their names, with all that they are made of. */
export function namesIn(document: ReadDocument, methods: readonly Method[]): readonly string[] {
  const found = new Set<string>();
  const visit = (schema: JsonObject | undefined) => {
    for (const name of referred(schema)) {
      if (found.has(name)) continue;
      found.add(name);
      visit(document.components.schemas[name]);
    }
  };
  for (const { body, answer, placed } of methods) {
    visit(body?.schema);
    visit(answer);
    for (const { content = {} } of Object.values(placed.operation.responses) as { content?: JsonObject }[]) {
      const stream = content['text/event-stream'] as JsonObject | undefined;
      visit(stream?.['x-millrace-item'] as JsonObject | undefined);
    }
  }
  return [...found].sort();
}

function referred(schema: JsonObject | undefined): readonly string[] {
  const text = JSON.stringify(schema ?? {});
  return [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name = '']) => name);
}
