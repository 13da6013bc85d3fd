/** Breaks long lines between words, where the screen would break them within. */
import { stripVTControlCharacters } from 'node:util';

/** What follows is indented further than its line began. A word longer than the screen is left to it. */
export function wrapWords(text: string, columns = 0): string {
  if (columns === 0) return text;
  return text
    .split('\n')
    .map((line) => wrapLine(line, columns))
    .join('\n');
}

/** Colours stand among the words and take no room. */
function wrapLine(line: string, columns: number): string {
  const indent = /^ */.exec(stripVTControlCharacters(line))?.[0] ?? '';
  const lines: string[] = [];
  let current = '';
  for (const [, blanks = '', word = ''] of line.matchAll(/( *)([^ ]+)/g)) {
    const longer = current + blanks + word;
    if (
      stripVTControlCharacters(current).trim() !== '' &&
      stripVTControlCharacters(longer).length > columns
    ) {
      lines.push(current);
      current = `${indent}  ${word}`;
    } else current = longer;
  }
  return [...lines, current].join('\n');
}
