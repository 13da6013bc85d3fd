/**
 * Where an answer is gone on with, nothing may be said twice and nothing be left out. That cannot be told from the rest
 * alone: a model may start anew, repeat itself, or lose a space on the way. So the end of what the client has is kept
 * back from whoever goes on, who must say just that first (decision 30). Pure.
 */
import { fail } from '../core/failure.ts';

export interface Cut {
  /** What the next one is told. */
  readonly kept: string;
  /** What it must begin with: the end of what the client has. */
  readonly again: string;
}

/** Fewer characters that are no space are said by chance; more are seldom said again where a model draws lots. */
const proofCharsMin = 6;
const proofCharsMax = 96;
/** What may stand before the words that are looked for. */
const spaceCharsMax = 64;

/** Cuts before a word, and before the space in front of it: templates trim the ends of messages. */
export function cutBack(text: string): Cut {
  for (let chars = proofCharsMin; chars <= proofCharsMax; chars *= 2) {
    const at = cutAt(text, chars);
    const again = text.slice(at);
    // One that starts anew says how it began: that proves nothing.
    if (at === 0 || !text.trimStart().startsWith(again.trim())) return { kept: text.slice(0, at), again };
  }
  throw fail(
    'not_continued',
    'the text repeats itself, so that nobody could tell the rest from a new beginning',
  );
}

/** Before the shortest run of whole words at the end with so many characters that are no space. */
function cutAt(text: string, proofChars: number): number {
  let at = text.length;
  let chars = 0;
  while (at > 0 && chars < proofChars) {
    at -= 1;
    if (!isSpace(text, at)) chars += 1;
  }
  const enough = at;
  while (at > 0 && enough - at < proofCharsMax && !isSpace(text, at - 1)) at -= 1;
  if (at > 0 && !isSpace(text, at - 1)) return betweenCharacters(text, enough);
  while (at > 0 && isSpace(text, at - 1)) at -= 1;
  return at;
}

/** Scripts without spaces, and long names, are cut where it comes, though never through a character. */
function betweenCharacters(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at;
}

function isSpace(text: string, at: number): boolean {
  return /\s/.test(text.charAt(at));
}

export class Seam {
  readonly #again: string;
  #said = '';
  proven = false;

  constructor(again: string) {
    // Space in front is added and lost by tokenizers and templates; the client has it already.
    this.#again = again.trimStart() === '' ? again : again.trimStart();
    this.proven = again === '';
  }

  /** What of it is new to the client. Throws where it is not what was said before. */
  push(text: string): string {
    if (this.proven) return text;
    this.#said += text;
    const said = this.#again.trim() === '' ? this.#said : this.#said.trimStart();
    if (this.#said.length - said.length > spaceCharsMax) throw differs();
    if (said.length < this.#again.length) {
      if (!this.#again.startsWith(said)) throw differs();
      return '';
    }
    if (!said.startsWith(this.#again)) throw differs();
    this.proven = true;
    return said.slice(this.#again.length);
  }
}

export function differs() {
  return fail('not_continued', 'the next upstream did not go on where the answer broke off');
}
