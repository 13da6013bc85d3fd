/** The answer to "load this model" where the upstream manages its models itself: there is nothing to wait for. */
import { type Reply, wholeReply } from '../core/stage.ts';
import { loadParts, loadResult } from '../protocol/ollama-load.ts';
import { type Replying, replyFacts, replyHeaders } from './reply-facts.ts';

export function loadReply(replying: Replying, loading: 'load' | 'unload'): Reply {
  const { exchange } = replying;
  const { endpoint, call } = exchange;
  const facts = replyFacts(replying);
  if (!call.stream) {
    const body = endpoint.renderResult(loadResult(call, loading), facts);
    return wholeReply(200, replyHeaders(exchange, 'application/json'), Buffer.from(body));
  }
  const body = loadParts(loading).map(endpoint.openRenderer(facts)).join('');
  return wholeReply(200, replyHeaders(exchange, endpoint.streamType), Buffer.from(body));
}
