/** What a report is asked: the days, the dimensions, and conditions as words. */
import { type Given, textOption, UsageError } from './given.ts';

export function reportQuery(given: Given, options: readonly string[]): URLSearchParams {
  const query = new URLSearchParams();
  for (const name of options) {
    const value = textOption(given, name);
    if (value !== undefined) query.set(name, value);
  }
  for (const condition of given.words) {
    const [, name, value] = /^(\w+)=(.*)$/.exec(condition) ?? [];
    if (name === undefined || value === undefined) {
      throw new UsageError(`"${condition}" is no condition: write one as model=NAME`);
    }
    query.set(name, value);
  }
  return query;
}
