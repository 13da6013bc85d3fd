import { gzipSync } from 'node:zlib';
import { invalidBytesMark, paddingMark } from './answer.ts';
import type { Behaviour } from './behaviour.ts';

/** The bytes of a text as they go over the wire: marks filled in, compressed, split. */
export function* piecesOf(text: string, behaviour: Behaviour): Generator<Uint8Array> {
  for (const piece of filled(text, behaviour.paddingBytes)) {
    const bytes = behaviour.gzip ? gzipMember(piece) : piece;
    const step = splitStep(behaviour);
    for (let start = 0; start < bytes.length; start += step) {
      // Infinity is a fine step but no index.
      yield bytes.subarray(start, Math.min(start + step, bytes.length));
    }
  }
}

const splitStep = ({ splitBytes, trickleMs }: Behaviour): number =>
  trickleMs > 0 && splitBytes === Number.POSITIVE_INFINITY ? 1 : splitBytes;

const paddingPiece = Buffer.alloc(64 * 1024, 'a');
const invalidBytes = Buffer.from([0xc3, 0x28]);

function* filled(text: string, paddingBytes: number): Generator<Buffer> {
  for (const part of text.split(marks)) {
    if (part === invalidBytesMark) yield invalidBytes;
    else if (part === paddingMark) yield* padding(paddingBytes);
    else if (part !== '') yield Buffer.from(part);
  }
}

const marks = new RegExp(`(${invalidBytesMark}|${paddingMark})`);

function* padding(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= paddingPiece.length) {
    yield left >= paddingPiece.length ? paddingPiece : paddingPiece.subarray(0, left);
  }
}

/** A gzip file may be many members in a row, so a bomb needs its one dull piece compressed once. */
function gzipMember(bytes: Buffer): Buffer {
  if (bytes !== paddingPiece) return gzipSync(bytes);
  paddingMember ??= gzipSync(paddingPiece);
  return paddingMember;
}

let paddingMember: Buffer | undefined;
