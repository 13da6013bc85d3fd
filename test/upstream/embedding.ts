import { createHash } from 'node:crypto';

/** A vector of length 1 that depends on nothing but the text. */
export function embed(text: string, dimensions = 8): number[] {
  const raw = Array.from({ length: dimensions }, (_, index) => {
    const digest = createHash('sha256').update(`${index}:${text}`).digest();
    return digest.readInt32LE(0) / 2 ** 31;
  });
  const length = Math.hypot(...raw);
  return raw.map((value) => Math.fround(value / length));
}

/** The form OpenAI's clients ask for by default: float32, little-endian, base64. */
export function toBase64(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * 4);
  vector.forEach((value, index) => {
    bytes.writeFloatLE(value, index * 4);
  });
  return bytes.toString('base64');
}
