type Cell = string | number | boolean;

/** Rows as RFC 4180 has them. A name that a spreadsheet would take for a formula is made plain text. */
export function toCsv(
  columns: readonly string[],
  rows: ReadonlyArray<Readonly<Record<string, Cell | undefined>>>,
): string {
  const lines = rows.map((row) => columns.map((column) => row[column] ?? ''));
  return [columns, ...lines].map((cells) => `${cells.map(written).join(',')}\r\n`).join('');
}

function written(value: Cell): string {
  if (typeof value !== 'string') return String(value);
  const plain = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
