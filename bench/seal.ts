/**
 * What sealing costs: the lines of one turn into the spool, by how many there are.
 *
 *   node bench/seal.ts
 */
import { randomBytes } from 'node:crypto';
import { createSealingKey, KeyRing } from '../src/lib/seal.ts';
import { LineSeal } from '../src/stores/spool/sealed-lines.ts';

/** As long as an intent and an end are on average. */
const lineBytes = 350;
const turns = 20_000;

const seal = new LineSeal(new KeyRing(createSealingKey(randomBytes(32))));
for (const rows of [1, 2, 10, 25, 100]) {
  const lines = randomBytes(rows * lineBytes);
  measure(lines);
  const turnUs = measure(lines);
  console.log(`${rows} rows a turn: ${turnUs.toFixed(1)} µs a turn, ${(turnUs / rows).toFixed(2)} µs a row`);
}

function measure(lines: Uint8Array): number {
  const startMs = performance.now();
  for (let turn = 0; turn < turns; turn += 1) seal.seal(lines);
  return ((performance.now() - startMs) * 1_000) / turns;
}
