/** Tells when a text that arrives in pieces holds one whole JSON value, so that nothing is generated after it. */

export interface JsonEnd {
  /** How much of the piece belongs to the value, once it is whole; undefined until then. */
  push(text: string): number | undefined;
}

const depthChange = new Map([
  ['{', 1],
  ['[', 1],
  ['}', -1],
  [']', -1],
]);
const closing = new Set(['"', '}', ']']);

/** A grammar keeps the text valid; all that is left is to count brackets outside strings. */
export function createJsonEnd(): JsonEnd {
  let depth = 0;
  let inString = false;
  let escaped = false;
  let scalar = false;

  function readInString(character: string): void {
    if (escaped) escaped = false;
    else if (character === '\\') escaped = true;
    else if (character === '"') inString = false;
  }

  /** Whether the value ends with this character, or ended just before it. */
  function read(character: string): 'within' | 'before' | undefined {
    if (inString) readInString(character);
    else if (character === '"') inString = true;
    else depth += depthChange.get(character) ?? 0;
    if (inString || depth > 0) return undefined;
    return closing.has(character) ? 'within' : readScalar(character);
  }

  function readScalar(character: string): 'before' | undefined {
    const isSpace = /\s/.test(character);
    if (isSpace && scalar) return 'before';
    scalar ||= !isSpace;
    return undefined;
  }

  return {
    push(text) {
      for (let index = 0; index < text.length; index += 1) {
        const end = read(text.charAt(index));
        if (end !== undefined) return end === 'within' ? index + 1 : index;
      }
      return undefined;
    },
  };
}
