/** What a client has of an answer, as far as another could go on with it. Bounded. */
import type { Begun, Call, JsonObject, TokenIds } from '../core/call.ts';
import { asObject } from '../core/json-object.ts';
import type { Part } from '../core/part.ts';
import { parseSse } from '../net/sse-framer.ts';
import { tokensIn } from './token-estimate.ts';

/** Of text and reasoning together. Longer answers end where they break off. */
const heldCharsMax = 262_144;

type TextDelta = Extract<Part, { type: 'text-delta' }>;

export class HeldAnswer {
  text = '';
  reasoning = '';
  /** False once anything came that no other could go on with. */
  isWhole = true;
  readonly #deltaChars: number[] = [];
  #thoughts = 0;
  readonly #ids: number[] = [];
  /** Which model the ids are of; nothing once a piece of the text came without. */
  #idsOf: string | undefined = undefined;
  #idsMissing = false;
  #read: TokenIds['read'] = undefined;
  #firstEvent: Uint8Array | undefined = undefined;

  hear(part: Part): void {
    switch (part.type) {
      case 'text-delta':
        this.#hearText(part);
        break;
      case 'reasoning-delta':
        // Thoughts behind words belong to what follows: nobody could hand that over.
        this.isWhole &&= this.text === '' && (part.choice ?? 0) === 0;
        this.reasoning += part.text;
        if (part.text !== '') this.#thoughts += 1;
        break;
      case 'usage':
        break;
      case 'refusal-delta':
      case 'tool-call-delta':
      case 'choice-ended':
      case 'reply-ended':
      case 'reply-failed':
        this.isWhole = false;
    }
    if (this.text.length + this.reasoning.length > heldCharsMax) this.isWhole = false;
    if (!this.isWhole) this.#letGo();
  }

  /** The first event says whose answer it is. */
  passed(bytes: Uint8Array, usageOnly: boolean): void {
    this.#firstEvent ??= bytes;
    // The client has been told what all of it came to: whoever went on would tell it something else.
    if (!usageOnly) return;
    this.isWhole = false;
    this.#letGo();
  }

  /** How the answer says whose it is, where events passed as they came. */
  get head(): JsonObject | undefined {
    if (this.#firstEvent === undefined) return undefined;
    const bytes = Buffer.from(this.#firstEvent);
    const { data } = parseSse(bytes);
    return asObject(JSON.parse(data === '' ? bytes.toString() : data));
  }

  /** How many of the last pieces lie within so many characters of the end. */
  piecesWithin(chars: number): number {
    let left = chars;
    let pieces = 0;
    for (let at = this.#deltaChars.length - 1; at >= 0; at -= 1) {
      left -= this.#deltaChars[at] ?? 0;
      if (left < 0) break;
      pieces += 1;
    }
    return pieces;
  }

  get tokens(): Begun['tokens'] {
    return this.#idsOf === undefined ? undefined : { of: this.#idsOf, ids: this.#ids, read: this.#read };
  }

  /** Thoughts are paid for as words are. */
  get tokenCount(): number {
    const pieces = this.#deltaChars.length + this.#thoughts;
    return this.tokens?.ids.length ?? tokensIn(pieces, Buffer.byteLength(this.text + this.reasoning));
  }

  #hearText({ text, tokens, choice = 0 }: TextDelta): void {
    if (choice !== 0) this.isWhole = false;
    this.text += text;
    if (text !== '') this.#deltaChars.push(text.length);
    if (this.#idsMissing) return;
    if (tokens === undefined || (this.#idsOf ?? tokens.of) !== tokens.of) {
      this.#idsMissing = true;
      this.#idsOf = undefined;
      return;
    }
    this.#idsOf = tokens.of;
    this.#read ??= tokens.read;
    for (const id of tokens.ids) this.#ids.push(id);
  }

  #letGo(): void {
    this.text = '';
    this.reasoning = '';
    this.#deltaChars.length = 0;
    this.#ids.length = 0;
  }
}

/** How many tokens may still be said; nothing where nobody bounded them. */
export function tokensLeft(call: Call, saidTokens: number): number | undefined {
  const max = call.kind === 'embed' ? undefined : call.sampling.maxTokens;
  // Zero means "without limit" to some servers.
  return max ? max - saidTokens : undefined;
}
