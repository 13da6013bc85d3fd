/** UUID version 7: sorts by time, so that ids of neighbours lie together in logs and tables. */
import { randomFillSync } from 'node:crypto';

const poolBytes = 10 * 400;
const pool = new Uint8Array(poolBytes);
let used = poolBytes;
const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Random bytes are drawn from the system 400 ids at a time: one draw costs more than an id. */
export function uuidv7(wallMs: number): string {
  if (used === poolBytes) {
    randomFillSync(pool);
    used = 0;
  }
  const at = used;
  used += 10;
  const high = Math.floor(wallMs / 0x1_0000_0000);
  const low = wallMs >>> 0;
  const byte = (index: number) => pool[at + index] as number;
  const h = (value: number) => hex[value & 0xff] as string;
  return (
    `${h(high >>> 8)}${h(high)}${h(low >>> 24)}${h(low >>> 16)}-${h(low >>> 8)}${h(low)}-` +
    `${h(0x70 | (byte(0) & 0x0f))}${h(byte(1))}-${h(0x80 | (byte(2) & 0x3f))}${h(byte(3))}-` +
    `${h(byte(4))}${h(byte(5))}${h(byte(6))}${h(byte(7))}${h(byte(8))}${h(byte(9))}`
  );
}
