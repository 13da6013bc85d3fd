/** What `steady-load.ts` and whoever judges its figures must agree on. */
import type { Asked } from '../upstream/fast-llm.ts';

/** Whom to ask with which keys; with no keys it comes to rest. */
export interface Load {
  readonly urls: readonly string[];
  readonly keys: readonly string[];
  readonly perSecond: number;
  /** Stands in each prompt. */
  readonly prompt: string;
  /**
   * So many streams are open at a time, each followed by the next, and what is sent at the rate is whole answers. Without it
   * one in four of those is a stream.
   */
  readonly streams?: number;
}

/** How the LLM answers; without it at once. */
export interface LoadPace {
  readonly firstTokenMs: number;
  /** Of a stream. */
  readonly events: number;
  readonly eventsPerSecond: number;
}

export type Statuses = Readonly<Record<string, number>>;

/** What was seen since it was last looked at. */
export interface SeenLoad {
  readonly forMs: number;
  readonly sent: number;
  /** How many got which status, or did not get their answer as they should. */
  readonly statuses: Statuses;
  /** The same of the streams that are held open. */
  readonly streams: Statuses;
  readonly middleMs: number;
  readonly p99Ms: number;
  readonly slowestMs: number;
  /** What the LLM was asked since it was opened. */
  readonly asked: Asked;
}

/** Tokens of an answer, as the LLM counts them. */
export const tokensOf = { prompt: 64, whole: 70, stream: 4 };

/** On a machine that is busy with other things less is sent, and nothing piles up. */
export const unansweredMax = 64;
