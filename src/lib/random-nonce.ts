/** Twelve random bytes, many at a time: asking the system for each would cost more than what they are for. */
import { randomFillSync } from 'node:crypto';

const nonceBytes = 12;
const noncesAtOnce = 128;

let pool = Buffer.alloc(0);
let used = 0;

/** Never given twice. */
export function randomNonce(): Uint8Array {
  if (used === pool.length) {
    pool = randomFillSync(Buffer.allocUnsafeSlow(nonceBytes * noncesAtOnce));
    used = 0;
  }
  used += nonceBytes;
  return pool.subarray(used - nonceBytes, used);
}
