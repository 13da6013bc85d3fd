/** A stream that is kept as it passes, up to a bound, and goes on to its end when its client has left. */
import type { Reply, Sink, StreamSource } from '../core/stage.ts';

export interface KeptStreamOptions {
  readonly bytesMax: number;
  /** What all such streams hold together. */
  readonly held: { bytes: number };
  /** Told once what passed; nothing when it was too large. The stream's end waits for it; never rejects. */
  readonly keep: (bytes: Uint8Array | undefined) => Promise<void>;
}

/** What comes when all of them hold so much together is not kept. */
const heldBytesMax = 64 * 1024 * 1024;

export class KeptStream implements StreamSource {
  readonly #source: StreamSource;
  readonly #options: KeptStreamOptions;
  #sink: Sink | undefined;
  #started = false;
  #clientLeft = false;
  #over = false;
  /** Nothing when it was too much. */
  #chunks: Uint8Array[] | undefined = [];
  #bytes = 0;

  constructor(reply: Reply, source: StreamSource, options: KeptStreamOptions) {
    this.#source = source;
    this.#options = options;
    void reply.ended.then(({ kind }) => {
      // Nothing comes any more, not even its end.
      if (kind === 'aborted') void this.#finish();
    });
  }

  start(sink: Sink): void {
    if (this.#started) return;
    this.#started = true;
    this.#sink = sink;
    this.#source.start({
      write: (bytes) => this.#write(bytes),
      end: () => void this.#finish().then(() => this.#sink?.end()),
    });
  }

  pause(): void {
    this.#source.pause();
  }

  resume(): void {
    this.#source.resume();
  }

  /** The client has left. */
  abort(): void {
    this.#clientLeft = true;
    if (!this.#started) this.start(nobody);
    else if (!this.#over) this.#goOn();
  }

  #write(bytes: Uint8Array): boolean {
    this.#hold(bytes);
    if (!this.#clientLeft) return this.#sink?.write(bytes) ?? true;
    if (this.#chunks === undefined) this.#source.abort();
    return true;
  }

  /** For whoever comes again; for nobody, where it is not kept. */
  #goOn(): void {
    if (this.#chunks === undefined) this.#source.abort();
    else this.#source.resume();
  }

  #hold(bytes: Uint8Array): void {
    if (this.#chunks === undefined) return;
    const { bytesMax, held } = this.#options;
    if (this.#bytes + bytes.length > bytesMax || held.bytes + bytes.length > heldBytesMax) {
      this.#letGo();
      return;
    }
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
    held.bytes += bytes.length;
  }

  #letGo(): void {
    this.#chunks = undefined;
    this.#options.held.bytes -= this.#bytes;
    this.#bytes = 0;
  }

  async #finish(): Promise<void> {
    this.#over = true;
    const all = this.#chunks === undefined ? undefined : Buffer.concat(this.#chunks);
    this.#letGo();
    await this.#options.keep(all);
  }
}

const nobody: Sink = { write: () => true, end: () => {} };
