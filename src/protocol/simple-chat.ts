/** `POST /chat` and `POST /api/v1/chat`: the gateway keeps the conversation. */
import type { Json, JsonObject, Message } from '../core/call.ts';
import type { Endpoint } from '../core/exchange.ts';
import { readMessages } from './openai-messages.ts';
import { invalid, isAbsent, optionalString, readText } from './read.ts';
import {
  readSampling,
  refuseStream,
  responseText,
  sharedFields,
  simpleCall,
  tokenStream,
} from './simple-text.ts';

const known: ReadonlySet<string> = new Set([
  'message',
  'messages',
  'conversation_id',
  'stream',
  ...sharedFields,
]);

export const simpleChat: Endpoint = {
  name: 'chat',
  ...tokenStream,
  parse: (body) => {
    refuseStream(body.value, true, 'POST /v1/chat/completions');
    return simpleCall(body, {
      endpoint: 'chat',
      messages: readSaid(body.value),
      stream: false,
      sampling: readSampling(body.value),
      conversation: readConversation(body.value['conversation_id']),
      known,
    });
  },
  renderResult: (result, facts) => {
    const kept = facts.call.kind === 'chat' ? facts.call.conversation : undefined;
    // A conversation that begins here is called after the exchange it began with.
    return JSON.stringify({ response: responseText(result), conversation_id: kept || facts.id });
  },
};

function readSaid(value: JsonObject): readonly Message[] {
  const { message, messages } = value;
  if (isAbsent(messages)) return [{ role: 'user', content: readText(message, 'message') }];
  if (!isAbsent(message)) throw invalid('message', 'cannot go with messages: send one of the two');
  return readMessages(messages);
}

function readConversation(value: Json | undefined): string {
  const id = optionalString(value, 'conversation_id');
  if (id === undefined) return '';
  if (!/^[A-Za-z0-9._:-]{1,128}$/.test(id)) {
    throw invalid('conversation_id', 'must be 1 to 128 letters, digits and . _ : -');
  }
  return id;
}
