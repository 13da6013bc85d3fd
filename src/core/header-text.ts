/** Text in a header: a model's name or a warning may hold anything, a header may not. */

const charsMax = 2_048;
/** Each may take nine. */
const escapedCharsMax = 256;
const printable = /^[\x20-\x7e]*$/;

export function headerText(text: string): string {
  if (printable.test(text)) return text.slice(0, charsMax);
  return encodeURIComponent(text.slice(0, escapedCharsMax).toWellFormed());
}

/** What the caller should know although the answer is good. */
export function warningHeader(warnings: readonly string[]): readonly string[] {
  return warnings.length === 0 ? [] : ['x-millrace-warning', headerText(warnings.join('; '))];
}
