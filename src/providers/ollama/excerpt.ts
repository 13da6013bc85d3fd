const lengthMax = 200;

/** The beginning of what an upstream said, fit for one line of a log or an error. */
export function excerpt(text: string): string {
  const line = text
    .slice(0, lengthMax * 2)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return line.length > lengthMax ? `${line.slice(0, lengthMax - 1).toWellFormed()}…` : line;
}
