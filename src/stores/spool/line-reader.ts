/** The lines that came to a file since it was last read, piece by piece. A last one without its end is left for later. */
import { type FileHandle, open } from 'node:fs/promises';
import { SealError } from '../../lib/seal.ts';
import type { LineOpener } from './sealed-lines.ts';

const pieceBytes = 16 * 1024;
const lineFeed = 0x0a;
/** What was sealed in one turn may be many lines: to read them all at once would hold up requests. */
const linesAtOnce = 50;

/** A part of a file. */
export interface SpoolPart {
  readonly path: string;
  /** One that has seen the file from its beginning. */
  readonly opener: LineOpener;
  readonly fromByte: number;
  readonly toByte: number;
}

export interface LinePiece {
  readonly lines: readonly string[];
  /** Where to go on when these are done with: the same again while there are more of one turn. */
  readonly nextByte: number;
}

/** What stands in the file from one place to another, in pieces that are small enough not to hold up anybody. */
export async function* readLines({ path, opener, fromByte, toByte }: SpoolPart): AsyncGenerator<LinePiece> {
  const file = await open(path, 'r');
  try {
    let at = fromByte;
    let bytes = pieceBytes;
    while (at < toByte) {
      const piece = await readPiece(file, at, Math.min(bytes, toByte - at));
      const end = piece.lastIndexOf(lineFeed) + 1;
      if (end === 0) {
        // Not one line in it: there is a longer one, or the last has no end yet.
        if (at + piece.length >= toByte || piece.length === 0) return;
        bytes *= 2;
        continue;
      }
      const lines = openLines(path, opener, piece.toString('utf8', 0, end - 1).split('\n'));
      for (let from = 0; from + linesAtOnce < lines.length; from += linesAtOnce)
        yield { lines: lines.slice(from, from + linesAtOnce), nextByte: at };
      at += end;
      bytes = pieceBytes;
      yield { lines: lines.slice(lastFrom(lines.length)), nextByte: at };
    }
  } finally {
    await file.close();
  }
}

function lastFrom(count: number): number {
  return count === 0 ? 0 : Math.floor((count - 1) / linesAtOnce) * linesAtOnce;
}

async function readPiece(file: FileHandle, from: number, bytes: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(bytes), 0, bytes, from);
  return buffer.subarray(0, bytesRead);
}

function openLines(path: string, opener: LineOpener, lines: readonly string[]): readonly string[] {
  try {
    return opener.open(lines);
  } catch (cause) {
    if (!(cause instanceof SealError)) throw cause;
    const mend = 'name its master key in secrets.previousMasterKeys, or remove the file';
    throw new SealError(`${path} does not open: ${cause.message}; ${mend}`, { cause });
  }
}
