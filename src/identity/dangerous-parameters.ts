/**
 * Parameters with which one request can hurt an engine behind us or everyone else on it. Refused by name unless the
 * operator allows them; everything else that we do not know passes (G12).
 */

import type { ParsedBody } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';
import { isObject } from '../core/json-object.ts';

const grammarBytesMax = 16 * 1024;

/** How many bytes of JSON each may be; 0 is never. */
const bytesMaxOf = {
  // A negative one writes outside llama.cpp's memory (CVE-2026-21869).
  n_discard: 0,
  // A template runs on the server, and can run for ever there (CVE-2025-62426).
  chat_template: 0,
  chat_template_kwargs: 0,
  // A large grammar takes minutes to compile, while nobody else is served.
  guided_json: grammarBytesMax,
  guided_regex: grammarBytesMax,
  guided_choice: grammarBytesMax,
  guided_grammar: grammarBytesMax,
  guided_whitespace_pattern: grammarBytesMax,
  // What vLLM took in place of those: all of them in one object.
  structured_outputs: grammarBytesMax,
  structural_tag: grammarBytesMax,
  grammar: grammarBytesMax,
} as const;

export type DangerousParameter = keyof typeof bytesMaxOf;

export const dangerousParameters = Object.keys(bytesMaxOf) as [DangerousParameter, ...DangerousParameter[]];

export function refuseDangerous(body: ParsedBody, allowed: ReadonlySet<string>): void {
  const { options } = body.value;
  const engine = isObject(options) ? options : undefined;
  for (const name of dangerousParameters) {
    const span = body.spans.get(name);
    // Null counts as absent here as everywhere.
    if (span !== undefined && body.value[name] !== null) {
      check(name, { name, bytes: span.end - span.start, allowed });
    }
    const option = engine !== undefined && Object.hasOwn(engine, name) ? (engine[name] ?? null) : null;
    if (option === null) continue;
    check(name, { name: `options.${name}`, bytes: Buffer.byteLength(JSON.stringify(option)), allowed });
  }
}

interface Found {
  /** As the client wrote it. */
  readonly name: string;
  readonly bytes: number;
  readonly allowed: ReadonlySet<string>;
}

function check(parameter: DangerousParameter, { name, bytes, allowed }: Found): void {
  const bytesMax = bytesMaxOf[parameter];
  if (bytes <= bytesMax || allowed.has(parameter)) return;
  const reason = bytesMax === 0 ? 'is not allowed here' : `is larger than ${bytesMax} bytes`;
  throw fail('unsupported', `${name} ${reason}; the operator may allow it by \`allowParameters\``, {
    param: name,
  });
}
