/** Words between replicas are short: that something changed, and what. */

export const messageBytesMax = 64 * 1024;

export function isMessage(text: string): boolean {
  return text.length <= messageBytesMax && Buffer.byteLength(text) <= messageBytesMax;
}

export function checkedMessage(text: string): string {
  if (isMessage(text)) return text;
  throw new RangeError(`a message to the replicas may have ${messageBytesMax} bytes`);
}
