/** The ways in which a GGUF file writes weights that the generator knows, by the numbers that the format has for them. */

export type WeightType = keyof typeof weightTypes;

interface Encoding {
  readonly id: number;
  bytesOf(weights: number): number;
  encode(weights: Float32Array): Buffer;
}

/** `q8_0` has a scale in float16 for each 32 weights, which follow it as signed bytes. */
const blockWeights = 32;
const blockBytes = 2 + blockWeights;

export const weightTypes = {
  f32: {
    id: 0,
    bytesOf: (weights) => weights * 4,
    encode: ({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength),
  },
  f16: {
    id: 1,
    bytesOf: (weights) => weights * 2,
    encode: (weights) => Buffer.from(new Float16Array(weights).buffer),
  },
  q8_0: {
    id: 8,
    bytesOf: (weights) => (weights / blockWeights) * blockBytes,
    encode: encodeQ8,
  },
  bf16: { id: 30, bytesOf: (weights) => weights * 2, encode: encodeBf16 },
} as const satisfies Readonly<Record<string, Encoding>>;

function encodeQ8(weights: Float32Array): Buffer {
  const bytes = new Int8Array(weightTypes.q8_0.bytesOf(weights.length));
  const scales = Float16Array.of(0);
  const scaleBytes = new Int8Array(scales.buffer);
  for (let start = 0, at = 0; start < weights.length; start += blockWeights, at += blockBytes) {
    const scale = largestOf(weights, start) / 127;
    scales[0] = scale;
    bytes.set(scaleBytes, at);
    // Of zeros alone there is no scale, and every byte stays zero.
    if (scale === 0) continue;
    for (let index = 0; index < blockWeights; index += 1)
      bytes[at + 2 + index] = Math.round((weights[start + index] ?? 0) / scale);
  }
  return Buffer.from(bytes.buffer);
}

function largestOf(weights: Float32Array, start: number): number {
  let largest = 0;
  for (let index = start; index < start + blockWeights; index += 1)
    largest = Math.max(largest, Math.abs(weights[index] ?? 0));
  return largest;
}

/** The upper half of a float32, rounded to the nearest. */
function encodeBf16({ buffer, byteOffset, length }: Float32Array): Buffer {
  const words = new Uint32Array(buffer, byteOffset, length);
  const halves = Uint16Array.from(words, (word) => (word + 0x8000) >>> 16);
  return Buffer.from(halves.buffer);
}
