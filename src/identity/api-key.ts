/** The keys that the gateway makes: how one looks, and whether a text could be one. */
import { hash, randomBytes } from 'node:crypto';

const prefix = 'sk-mr-';
const randomBytesOfKey = 20;
const checksumChars = 6;
const shape = /^sk-mr-([0-9a-f]{40})([0-9a-f]{6})$/;

/** 160 random bits, a prefix that secret scanners can learn, and a checksum that tells a typing error from a wrong key. */
export function makeKey(): string {
  const random = randomBytes(randomBytesOfKey).toString('hex');
  return `${prefix}${random}${checksumOf(random)}`;
}

/** What is not shaped like this was never made here: nothing else has to be asked about it (G2, C14). */
export function isShapedLikeKey(text: string): boolean {
  const [, random, checksum] = shape.exec(text) ?? [];
  return random !== undefined && checksumOf(random) === checksum;
}

/** What people with several keys tell them apart by. */
export function hintOf(key: string): string {
  return key.slice(-4);
}

function checksumOf(random: string): string {
  return hash('sha256', random, 'hex').slice(0, checksumChars);
}
