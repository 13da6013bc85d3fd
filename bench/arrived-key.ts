// A key as it comes from a socket: bytes that become a text of their own each time, and always the same bytes.
const digits = 6;
const bytes = Buffer.from(`Bearer ${keyOf(0)}`);

export function keyOf(holder: number): string {
  return `sk-mr-bench-${String(holder).padStart(digits, '0')}`;
}

export function authorizationOf(holder: number): string {
  let rest = holder;
  for (let to = bytes.length - 1; to >= bytes.length - digits; to -= 1) {
    bytes[to] = 48 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  return bytes.toString('latin1');
}
