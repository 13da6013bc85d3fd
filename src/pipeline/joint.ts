/** Joins what another target says to what the client has: one text, one count of tokens. */
import type { Frame } from '../core/adapter.ts';
import type { Decoder, Joint, Renderer } from '../core/carried.ts';
import type { Part, Usage } from '../core/part.ts';
import { differs, Seam } from './seam.ts';
import { tokensIn } from './token-estimate.ts';

export interface JointOptions {
  /** What must be said once more; empty where nothing has to be proven. */
  readonly again: string;
  /** How many tokens the client has of the answer. */
  readonly hadTokens: number;
  readonly render: Renderer;
}

export class SeamJoint implements Joint {
  readonly #given: JointOptions;
  #seam: Seam;
  #deltas = 0;
  #bytes = 0;

  constructor(given: JointOptions) {
    this.#given = given;
    this.#seam = new Seam(given.again);
  }

  get hadTokens(): number {
    return this.#given.hadTokens;
  }

  get tokensAgain(): number {
    return tokensIn(this.#deltas, this.#bytes);
  }

  /** Begins anew with each target that is asked. */
  join(decode: Decoder): Decoder {
    this.#seam = new Seam(this.#given.again);
    this.#deltas = 0;
    this.#bytes = 0;
    return (frame: Frame) => {
      const parts = decode(frame);
      return this.#seam.proven ? parts : parts.flatMap((part) => this.#checked(part));
    };
  }

  /** A client is told of one answer: its question once, and all that was said. */
  readonly render: Renderer = (part) =>
    this.#given.render(part.type === 'usage' ? { ...part, usage: this.#whole(part.usage) } : part);

  #checked(part: Part): readonly Part[] {
    switch (part.type) {
      case 'text-delta': {
        if (this.#seam.proven) return [part];
        const text = this.#proven(part.text);
        if (text !== '') return [{ ...part, text }];
        if (part.text === '') return [part];
        // An engine that goes on by its own ids draws none of them again.
        if (part.tokens?.ids.length === 0) return [];
        this.#count(part.text);
        return [];
      }
      case 'usage':
      case 'reply-failed':
        return [part];
      case 'reasoning-delta':
      case 'refusal-delta':
      case 'tool-call-delta':
      case 'choice-ended':
      case 'reply-ended':
        if (this.#seam.proven) return [part];
        if ('text' in part) this.#count(part.text);
        throw differs();
    }
  }

  /** What is new in it. Where it is other than it had to be it was said all the same, and is paid for. */
  #proven(text: string): string {
    try {
      return this.#seam.push(text);
    } catch (thrown) {
      this.#count(text);
      throw thrown;
    }
  }

  #count(text: string): void {
    this.#deltas += 1;
    this.#bytes += Buffer.byteLength(text);
  }

  /** What it was handed of the answer stands in its prompt. */
  #whole(usage: Usage): Usage {
    const handedOver = this.#given.hadTokens - this.tokensAgain;
    return {
      ...usage,
      inputTokens: Math.max(0, usage.inputTokens - handedOver),
      outputTokens: usage.outputTokens + handedOver,
    };
  }
}
