/**
 * How far V8's young generation grows. It doubles each time that much of it has survived, up to 32 MB, and gives nothing of it
 * back. Code that is loaded survives all of it: a process that has only started would keep 25 MB that it never needs again.
 * While it is held nothing is taken; under traffic V8 does as it always does.
 *
 * What V8 learns from the first requests does not hold: in so small a generation all that is under way outlives its collections,
 * and V8 then makes such objects among the old ones for good. Each keeps its exchange there until the old ones are collected.
 */
import { setFlagsFromString } from 'node:v8';

/** V8 reads it each time that the generation is to grow, so that it may be changed while it runs. */
const flag = '--semi-space-growth-factor';
/** As V8 has it. */
const usual = 2;
const bornYoung = '--no-allocation-site-pretenuring';

let holders = 0;

export function holdYoungGeneration(): void {
  holders += 1;
  setFlagsFromString(`${flag}=1`);
}

/** Once for each time that it was held. */
export function letYoungGenerationGrow(): void {
  holders -= 1;
  if (holders > 0) return;
  setFlagsFromString(`${flag}=${usual}`);
  setFlagsFromString(bornYoung);
}

/** For what is loaded later. */
export async function withYoungGenerationHeld<T>(load: () => Promise<T>): Promise<T> {
  holdYoungGeneration();
  try {
    return await load();
  } finally {
    letYoungGenerationGrow();
  }
}
