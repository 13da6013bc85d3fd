/** What Ollama's clients ask before anything else: whether it runs, and how new it is. */
import type { Route } from '../core/exchange.ts';
import { jsonReply, textReply } from './json-reply.ts';

type Answer = NonNullable<Route['answer']>;

/**
 * The version of Ollama whose API we speak, whatever the upstreams run: clients compare it with the least one that
 * has what they need (structured output, thinking, capabilities in `/api/show`).
 */
const apiVersion = '0.31.0';

export function running(): Answer {
  return () => textReply('Ollama is running');
}

export function version(): Answer {
  return () => jsonReply({ version: apiVersion });
}
