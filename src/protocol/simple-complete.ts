/** `POST /api/v1/complete` and `POST /api/v1/stream`: one request, answered whole or word by word. */
import type { ChatCall, JsonObject, Message } from '../core/call.ts';
import type { Endpoint, ParsedBody } from '../core/exchange.ts';
import { optionalString, readText } from './read.ts';
import {
  readSampling,
  refuseStream,
  renderResponse,
  sharedFields,
  simpleCall,
  tokenStream,
} from './simple-text.ts';

const known: ReadonlySet<string> = new Set(['query', 'context', 'stream', ...sharedFields]);
const defaults = { maxTokens: 500 };

export const simpleComplete: Endpoint = {
  name: 'complete',
  ...tokenStream,
  renderResult: renderResponse,
  parse: (body) => parse(body, false),
};

export const simpleStream: Endpoint = {
  name: 'stream',
  ...tokenStream,
  renderResult: renderResponse,
  parse: (body) => parse(body, true),
};

function parse(body: ParsedBody, stream: boolean): ChatCall {
  refuseStream(body.value, !stream, stream ? 'POST /api/v1/complete' : 'POST /api/v1/stream');
  return simpleCall(body, {
    endpoint: stream ? 'stream' : 'complete',
    messages: readMessages(body.value),
    stream,
    sampling: readSampling(body.value, defaults),
    known,
  });
}

function readMessages(value: JsonObject): readonly Message[] {
  const query: Message = { role: 'user', content: readText(value['query'], 'query') };
  const context = optionalString(value['context'], 'context');
  return context === undefined || context === '' ? [query] : [{ role: 'system', content: context }, query];
}
