/** What a value of an upstream's JSON is, if it is what we hope for. */
import type { Json, JsonObject } from '../../core/call.ts';

export function asObject(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : undefined;
}

export function asText(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
