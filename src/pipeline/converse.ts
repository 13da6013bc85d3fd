/** Conversations that the gateway keeps: what was said before goes in front, what is said now is kept after. */
import type { ChatCall, Message } from '../core/call.ts';
import type { Parsed } from '../core/exchange.ts';
import type { Conversations } from '../core/ports.ts';
import { type Handler, onEnded, type Reply, type Stage } from '../core/stage.ts';
import { Transcript } from '../core/transcript.ts';

export interface ConverseOptions {
  /** Absent where they are switched off. */
  readonly conversations: Conversations | undefined;
}

const answerCharsMax = 1_048_576;

export function converse({ conversations }: ConverseOptions): Stage<Parsed> {
  return (next) => (exchange) => {
    const { call } = exchange;
    if (call.kind !== 'chat' || call.conversation === undefined) return next(exchange);
    if (conversations !== undefined) return remember(conversations, next, { exchange, call });
    // Whoever begins one is told when he goes on with it.
    if (call.conversation !== '')
      exchange.trail.warn(['conversations are switched off: this one is not known']);
    return next(exchange);
  };
}

interface Continued {
  readonly exchange: Parsed;
  /** The exchange's call: a chat. */
  readonly call: ChatCall;
}

async function remember(
  conversations: Conversations,
  next: Handler<Parsed>,
  { exchange, call }: Continued,
): Promise<Reply> {
  const { trail, principal } = exchange;
  const id = call.conversation || trail.id;
  // Nothing was said yet in a conversation that begins.
  const before = call.conversation === '' ? [] : await conversations.read(principal, id);
  const messages = [...before, ...call.messages];
  const { transcript = new Transcript(answerCharsMax) } = exchange;
  const reply = await next({ ...exchange, call: { ...call, messages, conversation: id }, transcript });
  onEnded(reply, (outcome) => {
    // Half an answer is not remembered: the client saw an error and will ask again.
    if (outcome.kind !== 'complete' || trail.failure !== undefined) return;
    const answer: Message = { role: 'assistant', content: transcript.text };
    void conversations.append(principal, id, [...call.messages, answer]);
  });
  return reply;
}
