/** Writes a real GGUF model with random weights and one token per printable character: half a megabyte, or as large as is asked. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { type WeightType, weightTypes } from './gguf-weights.ts';

/** What the file promises to its readers, for tests that count tokens. */
export const tinyGguf = {
  name: 'tiny-random',
  contextTokensMax: 2048,
  embeddingDimensions: 64,
} as const;

/**
 * Writes the model to `path`. The same file every time: the weights come from a fixed seed.
 *
 * The model never ends a reply by itself, so that a reply is exactly as long as it was allowed to be; only
 * a grammar, which leaves it no other choice, brings it to its end token.
 */
export function writeTinyGguf(path: string): void {
  writeGguf(path, { dimensions: tinyGguf.embeddingDimensions, feedForward: 128, layers: 2, heads: 4 });
}

/** How large a model is, and how its matrices are written: in float32 unless they are to be smaller. */
export interface GgufShape {
  readonly dimensions: number;
  readonly feedForward: number;
  readonly layers: number;
  readonly heads: number;
  readonly matrices?: WeightType;
}

export function writeGguf(path: string, shape: GgufShape): void {
  const all = tensors(shape);
  const file = openSync(path, 'w');
  writeSync(file, encodeHead(metadata(shape), all));
  // One at a time: all together they may be more than a buffer can hold.
  for (const { weights, type } of all) writeSync(file, padded(weightTypes[type].encode(weights)));
  closeSync(file);
}

const seed = 20_260_101;

// The numbers of GGUF and of llama.cpp's token types.
const valueType = { u32: 4, i32: 5, f32: 6, bool: 7, text: 8, list: 9 } as const;
const tokenType = { normal: 1, unknown: 2, control: 3, byte: 6 } as const;

interface Token {
  readonly text: string;
  readonly type: number;
}

const controls = ['<s>', '</s>', '<|system|>', '<|user|>', '<|assistant|>', '<|tool|>'] as const;
const infill = ['<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>'] as const;
const vocabulary = buildVocabulary();

/** Each turn is its role's token, its text and the end token; the reply begins after `<|assistant|>`. */
const chatTemplate =
  "{{ bos_token }}{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + eos_token }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}";

function buildVocabulary(): readonly Token[] {
  const printable = Array.from({ length: 0x7f - 0x20 }, (_, index) => String.fromCharCode(0x20 + index));
  return [
    { text: '<unk>', type: tokenType.unknown },
    ...[...controls, ...infill].map((text) => ({ text, type: tokenType.control })),
    // Text outside ASCII is spelled in these, so that every input has tokens and every one of them a text.
    ...Array.from({ length: 256 }, (_, byte) => ({
      text: `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
      type: tokenType.byte,
    })),
    // SentencePiece writes a space as U+2581.
    ...['\n', ...printable].map((text) => ({
      text: text === ' ' ? '\u2581' : text,
      type: tokenType.normal,
    })),
  ];
}

type Value = readonly [type: number, value: number | string | boolean | TypedList];
interface TypedList {
  readonly type: number;
  readonly items: readonly (number | string)[];
}

function metadata({ dimensions, feedForward, layers, heads }: GgufShape): Readonly<Record<string, Value>> {
  const u32 = (value: number): Value => [valueType.u32, value];
  const idOf = (text: string): Value => u32(vocabulary.findIndex((token) => token.text === text));
  const list = (type: number, items: readonly (number | string)[]): Value => [
    valueType.list,
    { type, items },
  ];
  return {
    'general.architecture': [valueType.text, 'llama'],
    'general.name': [valueType.text, tinyGguf.name],
    'llama.context_length': u32(tinyGguf.contextTokensMax),
    'llama.embedding_length': u32(dimensions),
    'llama.feed_forward_length': u32(feedForward),
    'llama.block_count': u32(layers),
    'llama.attention.head_count': u32(heads),
    'llama.attention.head_count_kv': u32(heads),
    'llama.attention.layer_norm_rms_epsilon': [valueType.f32, 1e-5],
    'llama.rope.dimension_count': u32(dimensions / heads),
    'llama.vocab_size': u32(vocabulary.length),
    'tokenizer.ggml.model': [valueType.text, 'llama'],
    'tokenizer.ggml.tokens': list(
      valueType.text,
      vocabulary.map((token) => token.text),
    ),
    'tokenizer.ggml.scores': list(
      valueType.f32,
      vocabulary.map(() => 0),
    ),
    'tokenizer.ggml.token_type': list(
      valueType.i32,
      vocabulary.map((token) => token.type),
    ),
    'tokenizer.ggml.unknown_token_id': idOf('<unk>'),
    'tokenizer.ggml.bos_token_id': idOf('<s>'),
    'tokenizer.ggml.eos_token_id': idOf('</s>'),
    'tokenizer.ggml.fim_pre_token_id': idOf('<|fim_prefix|>'),
    'tokenizer.ggml.fim_suf_token_id': idOf('<|fim_suffix|>'),
    'tokenizer.ggml.fim_mid_token_id': idOf('<|fim_middle|>'),
    'tokenizer.ggml.add_bos_token': [valueType.bool, true],
    'tokenizer.ggml.add_eos_token': [valueType.bool, false],
    'tokenizer.ggml.add_space_prefix': [valueType.bool, false],
    'tokenizer.chat_template': [valueType.text, chatTemplate],
  };
}

interface Tensor {
  readonly name: string;
  /** The fastest dimension first, as GGUF has it. */
  readonly shape: readonly number[];
  readonly weights: Float32Array;
  readonly type: WeightType;
}

/** The bias dimension: the same in every hidden state, so that a token's weight on it is a constant bias. */
const biasDimension = 0;

function tensors({ dimensions, feedForward, layers, matrices }: GgufShape): readonly Tensor[] {
  const random = normalRandom(seed);
  const matrix = (name: string, columns: number, rows: number): Tensor => {
    const scale = 1 / Math.sqrt(columns);
    return {
      name,
      shape: [columns, rows],
      type: name.startsWith('blk.') ? (matrices ?? 'f32') : 'f32',
      weights: drawn(columns * rows, () => random() * scale),
    };
  };
  const ones = (name: string): Tensor => ({
    name,
    shape: [dimensions],
    type: 'f32',
    weights: new Float32Array(dimensions).fill(1),
  });
  const blocks = Array.from({ length: layers }, (_, layer) => [
    ones(`blk.${layer}.attn_norm.weight`),
    matrix(`blk.${layer}.attn_q.weight`, dimensions, dimensions),
    matrix(`blk.${layer}.attn_k.weight`, dimensions, dimensions),
    matrix(`blk.${layer}.attn_v.weight`, dimensions, dimensions),
    withoutBias(matrix(`blk.${layer}.attn_output.weight`, dimensions, dimensions)),
    ones(`blk.${layer}.ffn_norm.weight`),
    matrix(`blk.${layer}.ffn_gate.weight`, dimensions, feedForward),
    matrix(`blk.${layer}.ffn_up.weight`, dimensions, feedForward),
    withoutBias(matrix(`blk.${layer}.ffn_down.weight`, feedForward, dimensions)),
  ]);
  const embeddings = matrix('token_embd.weight', dimensions, vocabulary.length);
  const output = matrix('output.weight', dimensions, vocabulary.length);
  for (let index = 0; index < embeddings.weights.length; index += 1) {
    embeddings.weights[index] = (embeddings.weights[index] ?? 0) * Math.sqrt(dimensions);
    output.weights[index] = (output.weights[index] ?? 0) * 2;
  }
  vocabulary.forEach((token, id) => {
    embeddings.weights[id * dimensions + biasDimension] = 4;
    output.weights[id * dimensions + biasDimension] = token.type === tokenType.normal ? 0 : -20;
  });
  return [embeddings, ...blocks.flat(), ones('output_norm.weight'), output];
}

/** To draw hundreds of millions takes a minute, and of a model as large as that nobody reads the numbers. */
const drawnMax = 1_000_000;

function drawn(count: number, draw: () => number): Float32Array {
  const weights = new Float32Array(count);
  for (let index = 0; index < Math.min(count, drawnMax); index += 1) weights[index] = draw();
  for (let length = drawnMax; length < count; length *= 2) weights.copyWithin(length, 0, length);
  return weights;
}

/** A layer that leaves the bias dimension as the embedding set it. */
function withoutBias(tensor: Tensor): Tensor {
  const columns = tensor.shape[0] ?? 0;
  tensor.weights.fill(0, biasDimension * columns, (biasDimension + 1) * columns);
  return tensor;
}

/** Normally distributed numbers (Box and Muller) from a small generator with a seed (mulberry32). */
function normalRandom(start: number): () => number {
  let state = start;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

const alignmentBytes = 32;

function encodeHead(values: Readonly<Record<string, Value>>, weights: readonly Tensor[]): Buffer {
  const entries = Object.entries(values);
  const head: Buffer[] = [
    Buffer.from('GGUF'),
    integer(3, 4),
    integer(weights.length, 8),
    integer(entries.length, 8),
    ...entries.flatMap(([key, [type, value]]) => [text(key), integer(type, 4), encodeValue(type, value)]),
  ];
  let offset = 0;
  for (const { name, shape, weights: numbers, type } of weights) {
    const { id, bytesOf } = weightTypes[type];
    head.push(text(name), integer(shape.length, 4), ...shape.map((size) => integer(size, 8)));
    head.push(integer(id, 4), integer(offset, 8));
    offset += paddedLength(bytesOf(numbers.length));
  }
  return padded(Buffer.concat(head));
}

function encodeValue(type: number, value: Value[1] | number | string): Buffer {
  if (typeof value === 'string') return text(value);
  if (typeof value === 'boolean') return Buffer.from([value ? 1 : 0]);
  if (typeof value === 'number') return type === valueType.f32 ? float(value) : integer(value, 4);
  return Buffer.concat([
    integer(value.type, 4),
    integer(value.items.length, 8),
    ...value.items.map((item) => encodeValue(value.type, item)),
  ]);
}

function integer(value: number, bytes: 4 | 8): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUInt32LE(value);
  return buffer;
}

function float(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeFloatLE(value);
  return buffer;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([integer(bytes.length, 8), bytes]);
}

function paddedLength(length: number): number {
  return Math.ceil(length / alignmentBytes) * alignmentBytes;
}

function padded(bytes: Buffer): Buffer {
  const missing = paddedLength(bytes.length) - bytes.length;
  return missing === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(missing)]);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const path = process.argv[2];
  if (path === undefined) throw new Error('usage: node test/upstream/tiny-gguf.ts OUT.gguf');
  writeTinyGguf(path);
}
