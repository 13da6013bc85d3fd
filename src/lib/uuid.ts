/** UUID version 7: sorts by time, so that ids of neighbours lie together in logs and tables. */
import { randomFillSync } from 'node:crypto';

const poolBytes = 10 * 400;
const pool = new Uint8Array(poolBytes);
let used = poolBytes;
/** The two digits of each byte, as they stand in the text. */
const digits = Array.from({ length: 256 }, (_, byte) => Buffer.from(byte.toString(16).padStart(2, '0')));
const high = Uint8Array.from(digits, ([first = 0]) => first);
const low = Uint8Array.from(digits, ([, second = 0]) => second);
/** Made of one text and not of twenty: those would be put together again wherever it is written. */
const text = Buffer.alloc(36, '-');

/** Random bytes are drawn from the system 400 ids at a time: one draw costs more than an id. */
export function uuidv7(wallMs: number): string {
  if (used === poolBytes) {
    randomFillSync(pool);
    used = 0;
  }
  const at = used;
  used += 10;
  const random = (index: number) => pool[at + index] as number;
  const before = Math.floor(wallMs / 0x1_0000_0000);
  put(0, before >>> 8);
  put(2, before);
  put(4, wallMs >>> 24);
  put(6, wallMs >>> 16);
  put(9, wallMs >>> 8);
  put(11, wallMs);
  put(14, 0x70 | (random(0) & 0x0f));
  put(16, random(1));
  put(19, 0x80 | (random(2) & 0x3f));
  put(21, random(3));
  for (let index = 4; index < 10; index += 1) put(16 + 2 * index, random(index));
  return text.toString('latin1');
}

function put(place: number, value: number): void {
  const byte = value & 0xff;
  text[place] = high[byte] as number;
  text[place + 1] = low[byte] as number;
}
