/** `POST /embeddings`: OpenAI's, which also takes `text` or `prompt` for `input`, and needs no model. */
import type { Endpoint } from '../core/exchange.ts';
import { openaiEmbeddings, parseEmbeddings, readInput } from './openai-embeddings.ts';
import { invalid, isAbsent, optionalString } from './read.ts';

const names = ['input', 'text', 'prompt'] as const;

export const simpleEmbeddings: Endpoint = {
  ...openaiEmbeddings,
  parse: (body) => {
    const { text: _text, prompt: _prompt, ...others } = body.value;
    const [name = 'input', other] = names.filter((candidate) => !isAbsent(body.value[candidate]));
    if (other !== undefined) throw invalid(other, `cannot go with ${name}: send one of the two`);
    // Read by the name that the client gave it, so that what is wrong is told of that field.
    const input = readInput(body.value[name], name);
    const model = optionalString(body.value['model'], 'model') ?? '';
    const call = parseEmbeddings({ ...body, value: { ...others, input } }, model);
    // The bytes are not OpenAI's where a field has another name or the model is missing: they never pass as they are.
    return { ...call, wire: { ...call.wire, dialect: 'simple', value: body.value } };
  },
};
