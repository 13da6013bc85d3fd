/**
 * The simulator's tokens: up to eight letters or digits, or one other character, each with the white space before
 * it. Simple enough that anyone can count them by hand, and `tokenise(text).join('')` is always `text`.
 */
const wordLengthMax = 8;

export function tokenise(text: string): string[] {
  const tokens: string[] = [];
  for (let start = 0; start < text.length; ) {
    const end = tokenEnd(text, start);
    tokens.push(text.slice(start, end));
    start = end;
  }
  return tokens;
}

/** As `tokenise(text).length`, without making the tokens: prompts are long and only counted. */
export function countTokens(text: string): number {
  let count = 0;
  for (let start = 0; start < text.length; start = tokenEnd(text, start)) count += 1;
  return count;
}

function tokenEnd(text: string, start: number): number {
  let at = start;
  while (at < text.length && isSpace(text.charCodeAt(at))) at += 1;
  if (at === text.length) return at;
  if (!isWord(text.charCodeAt(at))) return at + ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1);
  const furthest = Math.min(text.length, at + wordLengthMax);
  while (at < furthest && isWord(text.charCodeAt(at))) at += 1;
  return at;
}

function isSpace(code: number): boolean {
  return code <= 0x20 || code === 0xa0;
}

/** ASCII letters, digits and `_`, and the scripts that write words with letters; Chinese counts by character. */
function isWord(code: number): boolean {
  if (code < 0x80)
    return (
      (code >= 0x61 && code <= 0x7a) ||
      (code >= 0x41 && code <= 0x5a) ||
      (code >= 0x30 && code <= 0x39) ||
      code === 0x5f
    );
  return code >= 0xc0 && code < 0x2000;
}
