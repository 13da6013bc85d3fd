/**
 * Vectors from hashed character trigrams and words: no meaning, but texts that share spelling lie close together,
 * which is what searches and caches need to be tried out.
 */
import { hashText, scramble } from '../../lib/hash-text.ts';

const wordWeight = 2;

/** A vector of length 1 that depends on nothing but the text and its own size. */
export function embedText(text: string, dimensions: number): number[] {
  const vector = new Float64Array(dimensions);
  const lower = ` ${text.toLowerCase()} `;
  for (let at = 0; at + 3 <= lower.length; at += 1) add(vector, hashText(lower.slice(at, at + 3)), 1);
  for (const word of lower.match(/[\p{L}\p{N}]+/gu) ?? []) add(vector, hashText(word), wordWeight);
  return unit(vector);
}

/** The sign spreads collisions around zero, so that unrelated texts come out near a right angle. */
function add(vector: Float64Array, hash: number, weight: number): void {
  const scrambled = scramble(hash);
  const at = (scrambled >>> 1) % vector.length;
  vector[at] = (vector[at] ?? 0) + (scrambled & 1 ? weight : -weight);
}

function unit(vector: Float64Array): number[] {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  // Texts too short to leave a trace, or whose traces cancel out, still get a direction.
  if (length === 0) vector[0] = 1;
  const scale = length === 0 ? 1 : 1 / length;
  return Array.from(vector, (value) => Math.round(value * scale * 1e8) / 1e8);
}
