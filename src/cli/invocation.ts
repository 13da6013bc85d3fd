/** What a verb may use of the world around it. */
import type { Environment } from '../config/expand.ts';
import type { Given } from './given.ts';

export interface Invocation {
  readonly environment: Environment;
  readonly write: (text: string) => void;
  readonly warn: (text: string) => void;
}

/** A verb. Resolves with the exit code. */
export type Run = (invocation: Invocation, given: Given) => Promise<number>;
