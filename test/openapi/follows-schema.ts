/** Whether a value is what a document says it is. */
import { z } from 'zod';
import type { JsonObject } from '../../src/core/call.ts';
import type { ReadDocument } from '../../src/openapi/read-document.ts';

/** What is wrong with it; nothing where it fits. */
export function misfit(document: ReadDocument, schema: JsonObject, value: unknown): string | undefined {
  const whole = { ...schema, $defs: document.components.schemas };
  const text = JSON.stringify(whole).replaceAll('"#/components/schemas/', '"#/$defs/');
  const result = z.fromJSONSchema(JSON.parse(text)).safeParse(value);
  return result.success ? undefined : z.prettifyError(result.error);
}
