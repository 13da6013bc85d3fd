/** Stands for a model file: tokens that were drawn with another mean something else. */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** The vocabulary lies at the beginning of the file; reading gigabytes of weights would take as long as loading them. */
const headBytes = 4 * 1024 * 1024;

export function fingerprintOf(path: string): string {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const head = Buffer.alloc(Math.min(headBytes, size));
    readSync(file, head, 0, head.length, 0);
    return createHash('sha256').update(head).update(String(size)).digest('base64url').slice(0, 22);
  } finally {
    closeSync(file);
  }
}
