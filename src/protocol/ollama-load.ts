/**
 * Ollama's way to load a model, or to unload it: a request with nothing to answer. In neutral form that is a chat
 * without messages, or an embedding of nothing; no other dialect can say either.
 */
import type { Call } from '../core/call.ts';
import type { CallResult, Part } from '../core/part.ts';
import { isZeroDuration } from './ollama-options.ts';

export function loadAsked(call: Call): 'load' | 'unload' | undefined {
  const nothing =
    (call.kind === 'chat' && call.messages.length === 0) ||
    (call.kind === 'embed' && call.input.length === 0);
  if (!nothing) return undefined;
  return call.kind === 'chat' && isZeroDuration(call.engine.keepAlive) ? 'unload' : 'load';
}

/** The answer where the upstream has nothing to load. */
export function loadResult(call: Call, stop: 'load' | 'unload'): CallResult {
  if (call.kind === 'embed') return { kind: 'vectors', vectors: [], usage: undefined };
  return { kind: 'text', choices: [{ text: '', stop }], usage: undefined };
}

export function loadParts(stop: 'load' | 'unload'): readonly Part[] {
  return [{ type: 'choice-ended', stop }, { type: 'reply-ended' }];
}
