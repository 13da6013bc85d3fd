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

function wrapLine(line: string, columns: number): string {
  const indent = /^ */.exec(line)?.[0] ?? '';
  const lines: string[] = [];
  let current = indent;
  let empty = true;
  for (const [, blanks = '', word = ''] of line.slice(indent.length).matchAll(/( *)([^ ]+)/g)) {
    if (!empty && widthOf(current + blanks + word) > columns) {
      lines.push(current);
      current = `${indent}  ${word}`;
    } else current += blanks + word;
    empty = false;
  }
  return [...lines, current].join('\n');
}

function widthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}
