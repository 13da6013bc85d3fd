/** Undoes percent-encoding; text that is not an encoding of anything stands for itself. */
export function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // What is looked up by it is simply not found.
    return text;
  }
}
