/**
 * The `context` of `/api/generate` in front of upstreams that keep none: the conversation so far as an opaque list
 * of integers. Ollama's own list holds token ids of one model; ours begins with a number that no token id reaches.
 */
import type { Json, Message } from '../core/call.ts';
import { fail } from '../core/failure.ts';
import { isList } from './read.ts';

/** "MLLRC1" read as one 48-bit number. */
const marker = 0x4d_4c_4c_52_43_31;
/** As many as a double holds exactly. */
const bytesPerNumber = 6;
export const contextBytesMax = 256 * 1024;
const numbersMax = 2 + Math.ceil(contextBytesMax / bytesPerNumber);

const letters = { system: 's', user: 'u', assistant: 'a' } as const;
const roles = { s: 'system', u: 'user', a: 'assistant' } as const;

type Turn = readonly [letter: keyof typeof roles, text: string];

export function isGatewayContext(value: Json | undefined): value is readonly Json[] {
  return isList(value) && value[0] === marker;
}

/** The turns as integers: marker, byte length, then six bytes each. What is too long loses its oldest turns. */
export function encodeContext(messages: readonly Message[], answer: string): readonly number[] {
  const turns = messages.map(toTurn).filter((turn) => turn !== undefined);
  turns.push(['a', answer]);
  const bytes = Buffer.from(JSON.stringify(withinBounds(turns)));
  const numbers = [marker, bytes.length];
  for (let at = 0; at < bytes.length; at += bytesPerNumber) {
    const size = Math.min(bytesPerNumber, bytes.length - at);
    numbers.push(bytes.readUIntBE(at, size));
  }
  return numbers;
}

export function decodeContext(context: readonly Json[]): readonly Message[] {
  const turns = parseTurns(contextBytes(context));
  if (!Array.isArray(turns) || !turns.every(isTurn)) throw damaged();
  return turns.map(([letter, content]) => ({ role: roles[letter], content }));
}

function toTurn({ role, content }: Message): Turn | undefined {
  if (role !== 'system' && role !== 'user' && role !== 'assistant') return undefined;
  if (typeof content === 'string') return [letters[role], content];
  const texts = content.map((piece) => (piece.type === 'text' ? piece.text : ''));
  return [letters[role], texts.join('')];
}

/** A leading system turn stays: it governs what follows however long that grows. */
function withinBounds(turns: readonly Turn[]): readonly Turn[] {
  const sizes = turns.map((turn) => Buffer.byteLength(JSON.stringify(turn)) + 1);
  let left = sizes.reduce((sum, size) => sum + size, 1);
  const keeps = turns[0]?.[0] === 's' ? 1 : 0;
  let from = keeps;
  while (left > contextBytesMax && from < turns.length) {
    left -= sizes[from] ?? 0;
    from += 1;
  }
  return left > contextBytesMax ? [] : [...turns.slice(0, keeps), ...turns.slice(from)];
}

function contextBytes(context: readonly Json[]): Buffer {
  const length = context[1];
  const wellFormed =
    context.length <= numbersMax &&
    typeof length === 'number' &&
    Number.isInteger(length) &&
    length >= 0 &&
    context.length === 2 + Math.ceil(length / bytesPerNumber);
  if (!wellFormed) throw damaged();
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += bytesPerNumber) {
    const size = Math.min(bytesPerNumber, length - at);
    const value = context[2 + at / bytesPerNumber];
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value >= 256 ** size)
      throw damaged();
    bytes.writeUIntBE(value, at, size);
  }
  return bytes;
}

function parseTurns(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw damaged(cause);
  }
}

function isTurn(value: unknown): value is Turn {
  return (
    Array.isArray(value) &&
    value.length === 2 &&
    (value[0] === 's' || value[0] === 'u' || value[0] === 'a') &&
    typeof value[1] === 'string'
  );
}

function damaged(cause?: unknown) {
  const message = 'context is not what an earlier answer of this gateway held';
  return fail('invalid_request', message, { param: 'context', cause });
}
