/** What a call will most likely come to in tokens, before anybody has counted: it is settled once somebody has. */
import type { Call, Content, Message } from '../core/call.ts';

/** As of English prose; code and other languages have fewer. */
export const bytesPerToken = 4;
const imageTokens = 1_000;
/** Longer pieces of a stream than this, on the average, hold several tokens each. */
const pieceBytesMax = 8;
/** For an answer whose length nobody bounded. */
const answerTokens = 1_000;

export function estimateTokens(call: Call): number {
  return promptTokens(call) + answerTokensOf(call);
}

function answerTokensOf(call: Call): number {
  if (call.kind === 'embed') return 0;
  return (call.sampling.maxTokens ?? answerTokens) * (call.sampling.choices ?? 1);
}

/** The most that was asked for: each answer may be as long, and a list of prompts has answers for each. */
export function answerTokensMax(call: Call): number {
  if (call.kind === 'embed') return 0;
  // Zero means "without limit" to some servers.
  return (call.sampling.maxTokens || Number.POSITIVE_INFINITY) * answersOf(call);
}

/** How many answers are made, those included that nobody is to see: the upstream keeps the best. */
export function answersOf(call: Call): number {
  if (call.kind === 'embed') return 0;
  const choices = call.sampling.choices ?? 1;
  if (call.kind === 'chat') return choices;
  const best = call.extra['best_of'];
  const prompts = typeof call.prompt === 'string' ? 1 : Math.max(1, call.prompt.length);
  return Math.max(choices, typeof best === 'number' ? best : 1) * prompts;
}

export function promptTokens(call: Call): number {
  return saidIn(call) + saidBeside(call);
}

function saidIn(call: Call): number {
  switch (call.kind) {
    case 'chat': {
      return call.messages.reduce(
        (sum, message) => sum + messageTokens(message),
        spanBytes(call, 'tools') / bytesPerToken,
      );
    }
    case 'complete': {
      const images = (call.images?.length ?? 0) * imageTokens;
      const suffix = call.suffix === undefined ? 0 : textTokens(call.suffix);
      return images + suffix + inputTokens(typeof call.prompt === 'string' ? [call.prompt] : call.prompt);
    }
    case 'embed':
      return inputTokens(call.input);
  }
}

/** Fields of any length that no model is shown. */
const unsaid: ReadonlySet<string> = new Set([
  // Notes for whoever runs the server, and whose request it is.
  ...['metadata', 'user', 'safety_identifier', 'prompt_cache_key', 'cache_salt', 'kv_transfer_params'],
  // What may be drawn: the sampler goes by it.
  ...['logit_bias', 'allowed_token_ids', 'stop_token_ids', 'bad_words', 'logits_processors'],
  ...['custom_logit_processor', 'samplers', 'dry_sequence_breakers'],
  // The form of an answer, where it is forced and never told. A `response_format` may be told.
  ...['guided_json', 'guided_choice', 'guided_regex', 'guided_grammar', 'structured_outputs'],
  ...['grammar', 'regex', 'ebnf'],
]);
/** A shorter field is a setting. */
const saidBytesMin = 64;

/** What servers put into a prompt besides: functions, documents, a template of the client's own, and the form of the answer. */
function saidBeside(call: Call): number {
  let tokens = 0;
  for (const name in call.extra) {
    const value = call.extra[name];
    // Ids of a server's own tokens.
    if (name === 'context' && Array.isArray(value)) tokens += value.length;
    else if (!unsaid.has(name)) tokens += fieldTokens(call, name);
  }
  if (call.kind === 'embed' || typeof call.format !== 'object') return tokens;
  return tokens + fieldTokens(call, 'response_format') + fieldTokens(call, 'format');
}

function fieldTokens(call: Call, name: string): number {
  const bytes = spanBytes(call, name);
  return bytes < saidBytesMin ? 0 : bytes / bytesPerToken;
}

function spanBytes({ wire }: Call, name: string): number {
  const span = wire.spans.get(name);
  return span === undefined ? 0 : span.end - span.start;
}

/** Texts, or token ids that the client has counted. */
function inputTokens(input: readonly (string | readonly number[])[]): number {
  return input.reduce((sum, each) => sum + (typeof each === 'string' ? textTokens(each) : each.length), 0);
}

function messageTokens({ content, toolCalls, reasoning, name }: Message): number {
  let tokens =
    (reasoning === undefined ? 0 : textTokens(reasoning)) + (name === undefined ? 0 : textTokens(name));
  for (const call of toolCalls ?? []) tokens += textTokens(call.name) + textTokens(call.arguments);
  if (typeof content === 'string') return tokens + textTokens(content);
  return content.reduce((sum, part) => sum + contentTokens(part), tokens);
}

function contentTokens(part: Content): number {
  return part.type === 'text' ? textTokens(part.text) : imageTokens;
}

/** What came of a stream: servers send a token a piece, unless they are short of time. */
export function tokensIn(pieces: number, bytes: number): number {
  return bytes > pieces * pieceBytesMax ? Math.ceil(bytes / bytesPerToken) : pieces;
}

function textTokens(text: string): number {
  return Buffer.byteLength(text) / bytesPerToken;
}
