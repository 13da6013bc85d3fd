import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NotShown } from './not-shown.ts';

test('what is skipped is told once at the end, with its reason, also across two pieces and in colour', () => {
  const shown = new NotShown();
  assert.equal(shown.block, undefined);
  shown.see(Buffer.from('✔ one (1.2ms)\n\u001b[90m\uFE63 DP3: packets (0.4'));
  shown.see(Buffer.from('ms) # no network of its own can be made here\u001b[39m\n'));
  shown.see(Buffer.from('  \uFE63 DP3: packets (0.4ms) # no network of its own can be made here\n'));
  assert.equal(
    shown.block,
    'not shown on this machine:\n  DP3: packets: no network of its own can be made here',
  );
});
