/** Requests for one text, and the two forms in which the simple API answers them. */
import type { ChatCall, JsonObject, Message, Sampling } from '../core/call.ts';
import type { Endpoint, ParsedBody } from '../core/exchange.ts';
import type { CallResult, Part } from '../core/part.ts';
import { present } from './present.ts';
import {
  invalid,
  optionalBoolean,
  optionalNumber,
  optionalString,
  otherFields,
  temperatures,
} from './read.ts';

/** What a call of the simple API says beyond the fields that all of them have. */
export interface SimpleRequest {
  readonly endpoint: string;
  readonly messages: readonly Message[];
  readonly stream: boolean;
  readonly sampling: Sampling;
  /** Empty for a conversation that is still to be begun. */
  readonly conversation?: string;
  readonly known: ReadonlySet<string>;
}

export const sharedFields = ['model', 'max_tokens', 'temperature'] as const;

export function simpleCall(body: ParsedBody, request: SimpleRequest): ChatCall {
  const { bytes, spans, value } = body;
  const { endpoint, messages, stream, sampling, conversation, known } = request;
  return {
    kind: 'chat',
    wire: { dialect: 'simple', endpoint, bytes, spans, value },
    // Without a name the gateway's default model is meant.
    model: optionalString(value['model'], 'model') ?? '',
    stream,
    messages,
    sampling,
    engine: {},
    wantsUsage: false,
    extra: otherFields(value, known),
    ...present('conversation', conversation),
  };
}

export function readSampling(value: JsonObject, defaults: Sampling = {}): Sampling {
  const { max_tokens: asked, temperature: heat } = value;
  const maxTokens = optionalNumber(asked, 'max_tokens', { min: 1, whole: true }) ?? defaults.maxTokens;
  const temperature = optionalNumber(heat, 'temperature', temperatures) ?? defaults.temperature;
  return { ...present('maxTokens', maxTokens), ...present('temperature', temperature) };
}

/** Some routes always stream and some never do: who asks one of them for the other is told where to go. */
export function refuseStream(value: JsonObject, refused: boolean, instead: string): void {
  if (optionalBoolean(value['stream'], 'stream') !== refused) return;
  throw invalid('stream', `cannot be ${refused} here: ${instead} ${refused ? 'streams' : 'does not stream'}`);
}

export function responseText(result: CallResult): string {
  if (result.kind !== 'text') throw new TypeError('a request for text was answered with vectors');
  const [choice] = result.choices;
  return choice?.text || choice?.refusal || '';
}

export const renderResponse: Endpoint['renderResult'] = (result) =>
  JSON.stringify({ response: responseText(result) });

export const tokenStream = {
  streamType: 'text/event-stream; charset=utf-8',
  openRenderer: () => renderToken,
} as const;

function renderToken(part: Part): string {
  switch (part.type) {
    case 'text-delta':
    case 'refusal-delta':
      return part.text === '' ? '' : `data: {"token": ${JSON.stringify(part.text)}}\n\n`;
    case 'reply-ended':
      return 'data: [DONE]\n\n';
    case 'reasoning-delta':
    case 'tool-call-delta':
    case 'choice-ended':
    case 'usage':
    case 'reply-failed':
      return '';
  }
}
