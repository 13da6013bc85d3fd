/** `POST /api/chat`. */
import type { ChatCall } from '../core/call.ts';
import type { Endpoint, ParsedBody } from '../core/exchange.ts';
import { readMessages, readTools } from './ollama-messages.ts';
import { readFormat, readSettings, readThink, textFields } from './ollama-options.ts';
import { openOllamaRenderer, type ReplyForm, renderOllamaResult } from './ollama-reply.ts';
import { present } from './present.ts';
import { invalid, optionalBoolean, otherFields, readString } from './read.ts';

export const ndjsonType = 'application/x-ndjson';

const known: ReadonlySet<string> = new Set(['model', 'messages', 'stream', 'tools', ...textFields]);

export const ollamaChat: Endpoint = {
  name: 'chat',
  streamType: ndjsonType,
  parse,
  renderResult: (result, facts) => renderOllamaResult(form, result, facts),
  openRenderer: (facts) => openOllamaRenderer(form, facts),
};

function parse(body: ParsedBody): ChatCall {
  const { value } = body;
  return {
    kind: 'chat',
    ...readCallFacts(body, 'chat'),
    messages: readMessages(value['messages']),
    ...readSettings(value),
    wantsUsage: true,
    extra: otherFields(value, known),
    ...present('tools', readTools(value['tools'])),
    ...present('format', readFormat(value['format'])),
    ...present('think', readThink(value['think'])),
  };
}

/** Ollama streams unless told otherwise. */
export function readCallFacts(body: ParsedBody, endpoint: 'chat' | 'generate') {
  const { bytes, spans, value } = body;
  return {
    wire: { dialect: 'ollama', endpoint, bytes, spans, value },
    model: readModel(value['model']),
    stream: optionalBoolean(value['stream'], 'stream') ?? true,
  } as const;
}

export function readModel(value: Parameters<typeof readString>[0]): string {
  const model = readString(value, 'model');
  if (model === '') throw invalid('model', 'is empty');
  return model;
}

const form: ReplyForm = {
  render: (said) => ({
    message: {
      role: 'assistant',
      content: said.text,
      thinking: said.thinking,
      tool_calls: said.toolCalls,
    },
  }),
};
