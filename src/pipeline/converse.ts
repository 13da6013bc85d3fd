/** Conversations that the gateway keeps: what was said before goes in front, what is said now is kept after. */
import type { Message } from '../core/call.ts';
import type { Parsed } from '../core/exchange.ts';
import type { Conversations } from '../core/ports.ts';
import { type Handler, onEnded, type Stage } from '../core/stage.ts';
import { Transcript } from '../core/transcript.ts';

export interface ConverseOptions {
  readonly conversations: Conversations;
}

const answerCharsMax = 1_048_576;

export function converse(options: ConverseOptions): Stage<Parsed> {
  return (next) => (exchange) => {
    const { call } = exchange;
    if (call.kind !== 'chat' || call.conversation === undefined) return next(exchange);
    return remember(options.conversations, exchange, call.messages)(next);
  };
}

function remember(conversations: Conversations, exchange: Parsed, said: readonly Message[]) {
  const { principal, trail, call } = exchange;
  const asked = call.kind === 'chat' ? call.conversation : undefined;
  const id = asked === undefined || asked === '' ? trail.id : asked;
  return async (next: Handler<Parsed>) => {
    const before = conversations.read(principal.tenant, id);
    const transcript = new Transcript(answerCharsMax);
    const continued = { ...call, messages: [...before, ...said], conversation: id } as typeof call;
    const reply = await next({ ...exchange, call: continued, transcript });
    onEnded(reply, (outcome) => {
      // Half an answer is not remembered: the client saw an error and will ask again.
      if (outcome.kind !== 'complete' || trail.failure !== undefined) return;
      conversations.append(principal.tenant, id, [...said, { role: 'assistant', content: transcript.text }]);
    });
    return reply;
  };
}
