/** Changes single values of a JSON text without touching another byte of it. */

export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Edits are in order and do not overlap. */
export function splice(bytes: Uint8Array, edits: readonly Edit[]): Uint8Array {
  if (edits.length === 0) return bytes;
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const edit of edits) {
    pieces.push(bytes.subarray(at, edit.start), Buffer.from(edit.text));
    at = edit.end;
  }
  pieces.push(bytes.subarray(at));
  return Buffer.concat(pieces);
}
