import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

/**
 * In so small a generation all that is kept outlives its collections. Each function has literals of its own, for V8 learns of each
 * literal by itself.
 */
const program = `
import { holdYoungGeneration, letYoungGenerationGrow } from '${new URL('young-generation.ts', import.meta.url)}';
const first = (at) => ({ at, parts: [at] });
const second = (at) => ({ at, parts: [at] });
function bornOld(make) {
  const kept = [];
  let old = 0;
  // V8 makes new code when it has learnt, and does so in its own time.
  for (let round = 0; round < 5 && old < 900; round += 1) {
    for (let at = 0; at < 400_000; at += 1) kept[at % 60_000] = make(at);
    old = 0;
    for (let at = 0; at < 1_000; at += 1) if (!%InYoungGeneration(make(at))) old += 1;
  }
  return old;
}
holdYoungGeneration();
const before = bornOld(first);
letYoungGenerationGrow();
console.log(JSON.stringify({ before, after: bornOld(second) }));
`;

test('once a process serves nothing is made among the old objects, although all before it lived long', () => {
  const flags = ['--allow-natives-syntax', '--max-semi-space-size=1', '--input-type=module'];
  const told = execFileSync(process.execPath, [...flags, '-e', program], { encoding: 'utf8' });
  const { before, after } = JSON.parse(told) as { before: number; after: number };
  assert.ok(before > 500, `V8 learns it, or this shows nothing: ${before} of 1,000 were made old`);
  assert.equal(after, 0);
});
