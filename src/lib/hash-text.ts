/** Small numbers for texts, the same on every machine: to tell them apart, never to keep a secret. */

/** FNV-1a over UTF-16 units. `from` chains several texts into one hash. */
export function hashText(text: string, from = 0x811c9dc5): number {
  let hash = from;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/** Murmur's last step: after it every bit depends on every other, which FNV's own bits do not. */
export function scramble(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
