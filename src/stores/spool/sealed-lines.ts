/**
 * The lines of a file of the spool, sealed: the first holds a key made for this file, under the master key, and each one
 * after it what was written in one turn. A file whose key is gone with it leaves nothing to read.
 */
import { randomBytes } from 'node:crypto';
import { createSealingKey, KeyRing, keyBytes, nonceBytes, SealError, type Sealing } from '../../lib/seal.ts';

const aboutKey = 'spool key';
const aboutLines = 'spool lines';
const lineFeed = 0x0a;
const head = '{"sealed":"';
const tail = '"}';

/** What seals one file of the spool. */
export class LineSeal {
  /** The file's first line. */
  readonly head: string;
  readonly #ring: KeyRing;
  #sealing: Sealing;
  /** Counted: the key is this file's alone, so that no number comes twice. */
  readonly #nonce = Buffer.alloc(nonceBytes);
  #turns = 0;
  #line = Buffer.alloc(0);

  constructor(masterKeys: KeyRing) {
    const bytes = randomBytes(keyBytes);
    this.#ring = new KeyRing(createSealingKey(bytes));
    this.#sealing = this.#ring.sealing(aboutLines);
    this.head = `${head}${masterKeys.seal(bytes, aboutKey).toString('base64')}${tail}\n`;
    bytes.fill(0);
  }

  /** What is written in one turn becomes one line, which holds until the next. */
  seal(lines: Uint8Array): Buffer {
    this.#turns += 1;
    this.#nonce.writeUIntBE(this.#turns, 0, 6);
    const text = this.#sealing.seal(lines, this.#nonce).toString('base64');
    if (this.#line.length <= text.length) this.#line = Buffer.allocUnsafe(text.length + 1);
    const end = this.#line.write(text, 'latin1');
    this.#line[end] = lineFeed;
    return this.#line.subarray(0, end + 1);
  }

  /** The file is full: its memory goes, and not only when the ledger has all that is in it. */
  rest(): void {
    this.#sealing = this.#ring.sealing(aboutLines);
    this.#line = Buffer.alloc(0);
  }
}

/** Reads the lines of one file, from its first on. Those that were never sealed are as they stand. */
export class LineOpener {
  readonly #masterKeys: KeyRing | undefined;
  #ring: KeyRing | undefined;

  constructor(masterKeys: KeyRing | undefined) {
    this.#masterKeys = masterKeys;
  }

  /** Throws where the master key of the file is not here: what it holds must wait for it. */
  open(lines: readonly string[]): readonly string[] {
    return lines.flatMap((line) => {
      if (line.startsWith(head)) {
        // One that broke off is written once more.
        if (line.endsWith(tail)) this.#ring = this.#openKey(line.slice(head.length, -tail.length));
        return [];
      }
      return line.startsWith('{') || this.#ring === undefined ? [line] : openTurn(line, this.#ring);
    });
  }

  #openKey(text: string): KeyRing {
    if (this.#masterKeys === undefined) throw new SealError('it is sealed, and there is no master key');
    return new KeyRing(createSealingKey(this.#masterKeys.open(Buffer.from(text, 'base64'), aboutKey)));
  }
}

/** A line that broke off opens no more than a torn one could be parsed: its exchanges are known by their intents. */
function openTurn(line: string, ring: KeyRing): readonly string[] {
  try {
    return ring.open(Buffer.from(line, 'base64'), aboutLines).toString().split('\n').slice(0, -1);
  } catch (thrown) {
    if (thrown instanceof SealError) return [];
    throw thrown;
  }
}
