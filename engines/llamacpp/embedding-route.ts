/** `POST /v1/embeddings`. */
import type { EmbeddingContext, Token } from './binding.ts';
import { embed } from './embedder.ts';
import type { Engine } from './engine.ts';
import { type Fields, refuseWhatCannotBeDone } from './fields.ts';
import { type Exchange, sendJson } from './reply.ts';
import { invalid, RequestError } from './request-error.ts';

/** As many texts as OpenAI takes in one request. */
const inputsMax = 2048;

export async function answerEmbeddings(exchange: Exchange, fields: Fields): Promise<void> {
  const { engine, response, signal } = exchange;
  refuseWhatCannotBeDone(fields, ['dimensions']);
  const encode = encoderOf(fields);
  const inputs = parseInputs(engine, fields);
  let tokens = 0;
  const vectors = await embed(engine.embedders, {
    inputs,
    signal,
    check: (context) => {
      for (const input of inputs) tokens += checkedLength(context, input, engine.context.contextSize);
    },
  });
  sendJson(response, 200, {
    object: 'list',
    model: engine.name,
    data: vectors.map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: encode(normalised(vector)),
    })),
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  });
}

function encoderOf(fields: Fields): (vector: readonly number[]) => unknown {
  switch (fields['encoding_format'] ?? 'float') {
    case 'float':
      return (vector) => vector;
    case 'base64':
      return (vector) => Buffer.from(Float32Array.from(vector).buffer).toString('base64');
    default:
      throw invalid('encoding_format', 'must be float or base64');
  }
}

function parseInputs(engine: Engine, fields: Fields): readonly (readonly Token[])[] {
  const input = fields['input'];
  const inputs: readonly unknown[] = Array.isArray(input) ? input : [input];
  if (inputs.length === 0 || inputs.length > inputsMax) {
    throw invalid('input', `must hold 1 to ${inputsMax} texts`);
  }
  return inputs.map((text) => {
    if (typeof text !== 'string' || text === '') throw invalid('input', 'must be texts that are not empty');
    return engine.model.tokenize(text);
  });
}

function checkedLength(context: EmbeddingContext, input: readonly Token[], lengthMax: number): number {
  // The library adds the tokens that begin and end a text to the array that it is given.
  const length = context.calculateInputLength([...input]);
  if (length < lengthMax) return length;
  throw new RequestError(`a text has ${length} tokens and must have fewer than ${lengthMax}`, {
    code: 'context_length_exceeded',
    param: 'input',
  });
}

/** Clients compare embeddings by their inner product, which takes vectors of length one. */
function normalised(vector: readonly number[]): readonly number[] {
  const length = Math.hypot(...vector);
  return length === 0 ? vector : vector.map((value) => value / length);
}
