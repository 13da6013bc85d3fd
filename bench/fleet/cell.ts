// What a cell of the fleet's benchmark is: one situation in virtual time, and what is to come of it.
import type { GoalResult } from '../results.ts';

export interface FleetCell {
  readonly name: string;
  readonly title: string;
  /** What is done, in one or two sentences. */
  readonly about: string;
  measure(size: CellSize): Promise<CellTable>;
}

export interface CellSize {
  /** How many requests at most. */
  readonly count: number;
  readonly seed: number;
}

export interface CellTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly goals: readonly GoalResult[];
}
