/** Turns tokens into text as they come, and holds back those that are only part of a character. */
import type { Model, Token } from './binding.ts';

export interface TokenDecoder {
  push(token: Token): string;
  rest(): string;
}

/** A character of UTF-8 is at most four bytes, and a byte at least a token; what is longer is not a character. */
const heldTokensMax = 4;
/** What came before decides about leading spaces; the library looks at no more than this. */
const previousTokensMax = 8;

export function createTokenDecoder(model: Model, prompt: readonly Token[]): TokenDecoder {
  let previous = prompt.slice(-previousTokensMax);
  let held: Token[] = [];

  function release(text: string): string {
    previous = [...previous, ...held].slice(-previousTokensMax);
    held = [];
    return text;
  }

  return {
    push(token) {
      held.push(token);
      const text = model.detokenize(held, false, previous);
      return text.endsWith('\ufffd') && held.length < heldTokensMax ? '' : release(text);
    },
    rest() {
      return held.length === 0 ? '' : release(model.detokenize(held, false, previous));
    },
  };
}
