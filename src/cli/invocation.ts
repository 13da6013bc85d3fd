/** What a verb may use of the world around it. */
import type { Environment } from '../config/expand.ts';

export interface Invocation {
  readonly environment: Environment;
  readonly write: (text: string) => void;
  readonly warn: (text: string) => void;
}
