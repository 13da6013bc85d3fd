/** What was given to a verb on its command line. */

export interface Given {
  readonly words: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
}

/** A use that cannot be meant: its message tells how to use the verb. Exit code 2. */
export class UsageError extends Error {}

export function textOption(given: Given, name: string): string | undefined {
  const value = given.options[name];
  return typeof value === 'string' ? value : undefined;
}

export function flagOption(given: Given, name: string): boolean {
  return given.options[name] === true;
}

export function numberOption(
  given: Given,
  name: string,
  bounds: { min: number; max: number },
): number | undefined {
  const text = textOption(given, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== '' && value >= bounds.min && value <= bounds.max) return value;
  const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new UsageError(`--${flag} must be a number from ${bounds.min} to ${bounds.max}`);
}
