/**
 * Parameters with which one request can hurt an engine behind us or everyone else on it. Refused by name unless the
 * operator allows them; everything else that we do not know passes (G12).
 */

import type { ParsedBody } from '../core/exchange.ts';
import { type Failure, fail } from '../core/failure.ts';
import { isObject } from '../core/json-object.ts';
import { beyondBounds } from './keep-alive-bounds.ts';

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

type BoundedParameter = keyof typeof bytesMaxOf;
const boundedParameters = Object.keys(bytesMaxOf) as [BoundedParameter, ...BoundedParameter[]];

export const dangerousParameters = [...boundedParameters, 'keep_alive'] as const;

interface Trust {
  readonly allowed: ReadonlySet<string>;
  /** Whether the caller may load and unload models anyway. */
  readonly mayOperate: () => boolean;
}

export function refuseDangerous(body: ParsedBody, { allowed, mayOperate }: Trust): void {
  const { options, keep_alive: keepAlive } = body.value;
  const fault = keepAlive === undefined || keepAlive === null ? undefined : beyondBounds(keepAlive);
  if (fault !== undefined && !allowed.has('keep_alive') && !mayOperate()) {
    throw refusal('keep_alive', `${fault}, which is for operators`);
  }
  const engine = isObject(options) ? options : undefined;
  for (const name of boundedParameters) {
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

function check(parameter: BoundedParameter, { name, bytes, allowed }: Found): void {
  const bytesMax = bytesMaxOf[parameter];
  if (bytes <= bytesMax || allowed.has(parameter)) return;
  const reason = bytesMax === 0 ? 'is not allowed here' : `is larger than ${bytesMax} bytes`;
  throw refusal(name, reason);
}

function refusal(name: string, reason: string): Failure {
  return fail('unsupported', `${name} ${reason}; the operator may allow it by \`allowParameters\``, {
    param: name,
  });
}
