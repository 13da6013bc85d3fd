/** `POST /v1/completions`, with `suffix` for models that were taught to fill in. */
import { randomUUID } from 'node:crypto';
import type { Token } from './binding.ts';
import { withBeginning } from './chat-prompt.ts';
import type { Engine } from './engine.ts';
import type { Fields } from './fields.ts';
import { parseGeneration, parseStreamWish } from './generation-fields.ts';
import { type Exchange, type Shape, sendReply } from './reply.ts';
import { invalid } from './request-error.ts';

export async function answerCompletion(exchange: Exchange, fields: Fields): Promise<void> {
  const wish = parseStreamWish(fields);
  const generation = await parseGeneration(exchange.engine, fields, { field: 'prompt', parse: parsePrompt });
  await sendReply(exchange, generation, { shape: completionShape(exchange.engine), wish });
}

function completionShape(engine: Engine): Shape {
  const envelope = {
    id: `cmpl-${randomUUID()}`,
    object: 'text_completion',
    created: Math.floor(Date.now() / 1000),
    model: engine.name,
  };
  const choice = (text: string): object => ({ text });
  return {
    whole: envelope,
    chunk: envelope,
    opening: undefined,
    wholeChoice: choice,
    chunkChoice: choice,
    lastChoice: choice(''),
  };
}

function parsePrompt(engine: Engine, fields: Fields): readonly Token[] {
  const prompt = fields['prompt'];
  const text: unknown = Array.isArray(prompt) && prompt.length === 1 ? prompt[0] : prompt;
  if (typeof text !== 'string') throw invalid('prompt', 'must be a string, or an array of one string');
  const suffix = fields['suffix'] ?? '';
  if (typeof suffix !== 'string') throw invalid('suffix', 'must be a string');
  const tokens = suffix === '' ? engine.model.tokenize(text, true) : infillTokens(engine, text, suffix);
  const whole = withBeginning(engine, tokens);
  if (whole.length === 0) throw invalid('prompt', 'must not be empty');
  return whole;
}

/** The order of the markers is the one that models with such tokens are taught: prefix, suffix, then what is missing. */
function infillTokens(engine: Engine, before: string, after: string): readonly Token[] {
  const { prefix, suffix, middle } = engine.model.tokens.infill;
  if (prefix === null || suffix === null || middle === null) {
    throw invalid('suffix', 'needs a model that was taught to fill in, and this one was not');
  }
  const plain = (text: string): readonly Token[] => engine.model.tokenize(text, false, 'trimLeadingSpace');
  return [prefix, ...plain(before), suffix, ...plain(after), middle];
}
