/** A request's bytes as JSON, with what could hurt us or an engine behind us refused by name (C2, G12). */

import { isUtf8 } from 'node:buffer';
import type { Json, JsonObject } from '../core/call.ts';
import type { ParsedBody } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';
import { isObject } from '../core/json-object.ts';
import { asBuffer } from '../lib/as-buffer.ts';
import { scanJson } from './json-scan.ts';

export function parseJsonBody(body: Uint8Array): ParsedBody {
  const bytes = asBuffer(body);
  if (bytes.length === 0) throw fail('invalid_json', 'the body is empty; a JSON object is expected');
  if (!isUtf8(bytes)) throw fail('invalid_json', 'the body is not valid UTF-8');
  const spans = scanJson(bytes);
  const text = bytes.toString('utf8');
  const value = parseText(text);
  if (!isObject(value)) throw fail('invalid_json', 'the body must be a JSON object');
  if (suspicious.test(text)) refuseHostile(value);
  return { bytes, value, spans };
}

function parseText(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.slice(0, 200) : '';
    throw fail('invalid_json', `the body is not JSON: ${reason}`, { cause });
  }
}

/** Only a body that holds one of these is looked through: escaped halves of a character, or the prototype's name. */
const suspicious = /\\u[dD][89a-fA-F]|__proto__|\\u005[fF]/;

function refuseHostile(value: Json): void {
  if (typeof value === 'string') {
    if (!value.isWellFormed())
      throw fail('invalid_json', 'the body holds half of a character (a lone surrogate)');
  } else if (Array.isArray(value)) {
    for (const entry of value) refuseHostile(entry);
  } else if (typeof value === 'object' && value !== null) {
    refuseHostileKeys(value as JsonObject);
  }
}

function refuseHostileKeys(value: JsonObject): void {
  for (const key of Object.keys(value)) {
    if (key === '__proto__')
      throw fail('invalid_request', '`__proto__` is not a field', { param: '__proto__' });
    refuseHostile(key);
    refuseHostile(value[key] ?? null);
  }
}
