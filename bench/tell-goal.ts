// How a script of its own says what it found of a goal, so that `bench/fleet.ts` can gather all of them in one table.
import type { GoalResult } from './results.ts';

const mark = 'goal: ';

export function tellGoal(goal: GoalResult): void {
  console.log(`${mark}${JSON.stringify(goal)}`);
}

export function readGoals(output: string): readonly GoalResult[] {
  return output
    .split('\n')
    .flatMap((line) => (line.startsWith(mark) ? [JSON.parse(line.slice(mark.length)) as GoalResult] : []));
}

export function withoutGoals(output: string): string {
  return output
    .split('\n')
    .filter((line) => !line.startsWith(mark))
    .join('\n')
    .trim();
}
