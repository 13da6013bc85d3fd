/** What an upstream answers, whichever dialect it answers in: pieces of a stream, or a whole. */
import type { Json, TokenIds, ToolCall } from './call.ts';
import type { Failure } from './failure.ts';

export type StopReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'load' | 'unload';

export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens?: number;
  readonly reasoningTokens?: number;
  /** How it was served, where that has a price of its own, as the upstream calls it: `flex`, `priority`. */
  readonly serviceTier?: string;
  /** Durations in nanoseconds, as Ollama tells them. */
  readonly loadNs?: number;
  readonly promptNs?: number;
  readonly outputNs?: number;
}

/** What upstreams call the service that has no other name. */
export const usualServices: ReadonlySet<string> = new Set(['', 'auto', 'default', 'standard', 'on_demand']);

export type Part =
  | {
      readonly type: 'text-delta';
      readonly text: string;
      readonly choice?: number;
      readonly logprobs?: Json;
      /** Those that were drawn since the last part, where an engine of our own tells them. */
      readonly tokens?: TokenIds;
    }
  | { readonly type: 'reasoning-delta'; readonly text: string; readonly choice?: number }
  | { readonly type: 'refusal-delta'; readonly text: string; readonly choice?: number }
  | {
      readonly type: 'tool-call-delta';
      readonly index: number;
      readonly id?: string;
      readonly name?: string;
      readonly arguments?: string;
      readonly choice?: number;
    }
  | { readonly type: 'usage'; readonly usage: Usage }
  /** One choice has ended, with its reason. */
  | { readonly type: 'choice-ended'; readonly stop: StopReason; readonly choice?: number }
  /** The protocol's own end marker: only with it is a stream complete (G18). */
  | { readonly type: 'reply-ended' }
  | { readonly type: 'reply-failed'; readonly failure: Failure };

export interface Choice {
  readonly text: string;
  readonly reasoning?: string;
  readonly refusal?: string;
  readonly toolCalls?: readonly ToolCall[];
  readonly stop: StopReason;
  readonly logprobs?: Json;
}

export type CallResult =
  | { readonly kind: 'text'; readonly choices: readonly Choice[]; readonly usage: Usage | undefined }
  | {
      readonly kind: 'vectors';
      readonly vectors: readonly (readonly number[])[];
      readonly usage: Usage | undefined;
    };

/** Whether a part carries something the client would miss: the boundary for retries and status codes. */
export function isContent(part: Part): boolean {
  switch (part.type) {
    case 'text-delta':
    case 'reasoning-delta':
    case 'refusal-delta':
      return part.text !== '';
    case 'tool-call-delta':
    case 'choice-ended':
      return true;
    case 'usage':
    case 'reply-ended':
    case 'reply-failed':
      return false;
  }
}
