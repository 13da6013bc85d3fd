/**
 * One stream that several read, each at its own pace. Whoever comes late reads it from its beginning, for as long as all of
 * it is kept. The quickest sets the pace of the upstream; whoever falls too far behind is left behind.
 */
import type { Sink, StreamSource } from '../core/stage.ts';

export interface SharedStreamOptions {
  /** So much is kept for those who come late, and for those who are slow. */
  readonly bytesMax: number;
  /** What all such streams keep together. */
  readonly held: { bytes: number };
}

/** Beyond what all may keep together, nothing is kept for those who come late, and little for those who are slow. */
const heldBytesMax = 64 * 1024 * 1024;
const scarceBytesMax = 64 * 1024;
/** Pieces that nobody needs any more are dropped so many at a time. */
const dropMin = 64;

export interface Reading {
  /** Its client has left. */
  readonly left: () => void;
  /** It is so far behind the others that what it has not read cannot be kept. */
  readonly tooSlow: () => void;
}

export class SharedStream {
  readonly #options: SharedStreamOptions;
  readonly #readers = new Set<StreamReading>();
  #source: StreamSource | undefined;
  #onEnd: (() => void) | undefined;
  #isStarted = false;
  #isPaused = false;
  /** The pieces that are kept, the first of which has the number `#from`. */
  #pieces: Uint8Array[] = [];
  #from = 0;
  #keptBytes = 0;
  #bytes = 0;
  #isWhole = true;
  #isSealed = false;
  #isOver = false;

  constructor(options: SharedStreamOptions) {
    this.#options = options;
  }

  /** Whether all of it is kept: then one more may read it. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Where it comes from; another one, where nothing has come of the first. */
  follow(source: StreamSource, onEnd: () => void): void {
    this.#source = source;
    this.#onEnd = onEnd;
    this.#isPaused = false;
    if (this.#isStarted) source.start(this.#sink);
  }

  /** Nothing comes any more. */
  finish(): void {
    this.#isOver = true;
    for (const reader of this.#readers) reader.pump();
  }

  open(reading: Reading): StreamReading {
    const reader = new StreamReading(this, reading);
    this.#readers.add(reader);
    return reader;
  }

  close(reader: StreamReading): void {
    if (this.#readers.delete(reader)) this.#drop();
  }

  /** Nobody joins any more, and little more comes: nobody is left behind. */
  seal(): void {
    this.#isWhole = false;
    this.#isSealed = true;
    this.#drop();
  }

  /** Somebody reads, and has read what is there. */
  wanted(): void {
    if (!this.#isStarted) {
      this.#isStarted = true;
      this.#source?.start(this.#sink);
    } else if (this.#isPaused) {
      this.#isPaused = false;
      this.#source?.resume();
    }
  }

  /** The piece of that number; nothing where it has not come. */
  pieceAt(number: number): Uint8Array | undefined {
    return this.#pieces[number - this.#from];
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** A reader has moved on. */
  passed(): void {
    this.#drop();
  }

  readonly #sink: Sink = {
    write: (bytes) => this.#write(bytes),
    end: () => this.#onEnd?.(),
  };

  #write(bytes: Uint8Array): boolean {
    if (bytes.length === 0) return !this.#isPaused;
    const { bytesMax, held } = this.#options;
    this.#pieces.push(bytes);
    this.#bytes += bytes.length;
    this.#keptBytes += bytes.length;
    held.bytes += bytes.length;
    let flows = false;
    for (const reader of this.#readers) {
      reader.pump();
      flows ||= reader.flows;
    }
    if (this.#isWhole && (this.#bytes > bytesMax || held.bytes > heldBytesMax)) this.#isWhole = false;
    if (!this.#isWhole) this.#bound();
    this.#isPaused = !flows;
    return flows;
  }

  /** Who is behind the quickest by more than is kept is left behind. */
  #bound(): void {
    const { bytesMax, held } = this.#options;
    this.#drop();
    const lagMax = held.bytes > heldBytesMax ? Math.min(bytesMax, scarceBytesMax) : bytesMax;
    if (this.#keptBytes <= lagMax || this.#isSealed) return;
    let quickest = 0;
    for (const { bytesGiven } of this.#readers) quickest = Math.max(quickest, bytesGiven);
    for (const reader of [...this.#readers]) {
      if (quickest - reader.bytesGiven > lagMax) reader.tooSlow();
    }
  }

  #drop(): void {
    if (this.#isWhole) return;
    let needed = this.#from + this.#pieces.length;
    for (const { at } of this.#readers) needed = Math.min(needed, at);
    const count = needed - this.#from;
    if (count === 0 || (count < dropMin && count < this.#pieces.length)) return;
    for (const piece of this.#pieces.splice(0, count)) {
      this.#keptBytes -= piece.length;
      this.#options.held.bytes -= piece.length;
    }
    this.#from = needed;
  }
}

/** The same stream, as one of those who read it has it. */
export class StreamReading implements StreamSource {
  /** The number of the piece that it reads next. */
  at = 0;
  bytesGiven = 0;
  /** Whether its client takes what it is given. */
  flows = false;
  readonly #stream: SharedStream;
  readonly #reading: Reading;
  #sink: Sink | undefined;
  #lastWords: Uint8Array | undefined;
  #isOver = false;

  constructor(stream: SharedStream, reading: Reading) {
    this.#stream = stream;
    this.#reading = reading;
  }

  start(sink: Sink): void {
    this.#sink = sink;
    if (!this.#isOver) this.resume();
    else if (this.#lastWords !== undefined) this.#end();
  }

  pause(): void {
    this.flows = false;
  }

  resume(): void {
    if (this.#isOver || this.#sink === undefined) return;
    this.flows = true;
    this.pump();
    this.#stream.passed();
    if (this.flows) this.#stream.wanted();
  }

  abort(): void {
    this.#reading.left();
  }

  tooSlow(): void {
    this.#reading.tooSlow();
  }

  /** What it ends with, behind all that has come. */
  lastWords(bytes: Uint8Array): void {
    this.#lastWords = bytes;
  }

  /** Ends here, whatever the others still read. */
  breakOff(lastWords?: Uint8Array): void {
    if (this.#isOver) return;
    this.#lastWords = lastWords;
    this.#close();
    if (lastWords !== undefined && this.#sink !== undefined) this.#end();
  }

  /** Hands on what has come, as long as it is taken. */
  pump(): void {
    const sink = this.#sink;
    if (sink === undefined || this.#isOver) return;
    for (;;) {
      const piece = this.flows ? this.#stream.pieceAt(this.at) : undefined;
      if (piece === undefined) break;
      this.at += 1;
      this.bytesGiven += piece.length;
      this.flows = sink.write(piece);
    }
    if (this.#stream.isOver && this.#stream.pieceAt(this.at) === undefined) {
      this.#close();
      this.#end();
    }
  }

  #close(): void {
    this.#isOver = true;
    this.flows = false;
    this.#stream.close(this);
  }

  #end(): void {
    const sink = this.#sink;
    if (sink === undefined) return;
    if (this.#lastWords !== undefined) {
      this.bytesGiven += this.#lastWords.length;
      sink.write(this.#lastWords);
    }
    sink.end();
  }
}
