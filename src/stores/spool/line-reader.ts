/** The lines that came to a file since it was last read, piece by piece. A last one without its end is left for later. */
import { type FileHandle, open } from 'node:fs/promises';

const pieceBytes = 48 * 1024;
const lineFeed = 0x0a;

export interface LinePiece {
  readonly lines: readonly string[];
  /** Where the next piece begins. */
  readonly nextByte: number;
}

/** What stands in the file from one place to another, in pieces that are small enough not to hold up anybody. */
export async function* readLines(path: string, fromByte: number, toByte: number): AsyncGenerator<LinePiece> {
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
      at += end;
      bytes = pieceBytes;
      yield { lines: piece.toString('utf8', 0, end - 1).split('\n'), nextByte: at };
    }
  } finally {
    await file.close();
  }
}

async function readPiece(file: FileHandle, from: number, bytes: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(bytes), 0, bytes, from);
  return buffer.subarray(0, bytesRead);
}
