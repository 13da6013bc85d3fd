/** The erasing of somebody's things, from when it was asked for until nothing can come late any more. */
import type { Subject } from './subject.ts';

export interface Erasure {
  readonly subject: Subject;
  /** Stands in the ledger where the names were. Made at random: nothing leads back from it. */
  readonly alias: string;
  readonly begunAtMs: number;
  /** Whether all was erased once: what is left to do is what came late. */
  readonly complete: boolean;
}
