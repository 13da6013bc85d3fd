import type { Json } from '../../core/call.ts';

/** What an upstream wrote where text belongs, if it is text. */
export function asText(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
