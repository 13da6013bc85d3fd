/** What a verb may use of the world around it. */
import type { Environment } from '../config/expand.ts';
import type { Given } from './given.ts';
import type { Typed } from './typed.ts';

export interface Invocation {
  readonly environment: Environment;
  readonly write: (text: string) => void;
  readonly warn: (text: string) => void;
  /** For hints: a verb as whoever started us types it. */
  readonly typed: Typed;
}

/** A verb. Resolves with the exit code. */
export type Run = (invocation: Invocation, given: Given) => Promise<number>;
