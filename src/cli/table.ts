/** Rows for people: columns as wide as their widest cell. */
import { stripVTControlCharacters } from 'node:util';

const columnsMax = 60;

export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) =>
    Math.min(columnsMax, Math.max(...all.map((row) => widthOf(row[column] ?? '')))),
  );
  return all
    .map((row) =>
      row
        .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell))))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function widthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}
