import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CanaryWatch, holdsCanary, runCanary, runMasterKey, runSecret } from './run-canary.ts';

test('the watch over all output finds what it looks for, also where it is cut in two (G8)', () => {
  const seen = (pieces: readonly string[]) => {
    const watch = new CanaryWatch('canary-of-this-very-test');
    for (const piece of pieces) watch.see(Buffer.from(piece));
    return watch.found;
  };
  assert.equal(seen(['nothing', ' to be found ', 'canary-of-this']), false);
  for (let at = 1; at < 24; at += 1) {
    const text = 'canary-of-this-very-test';
    assert.equal(seen([`before ${text.slice(0, at)}`, `${text.slice(at)} after`]), true, `${at}`);
  }
  assert.equal(holdsCanary(`key ${runMasterKey}`), true);
  assert.equal(holdsCanary(`key ${Buffer.from(runMasterKey, 'hex').toString('base64')}`), true);
  assert.equal(holdsCanary(runCanary.slice(0, 10)), false);
  const password = runSecret('password');
  assert.notEqual(password, runSecret('webhook'));
  for (const spelling of ['utf8', 'base64', 'hex'] as const)
    assert.equal(holdsCanary(`of ${Buffer.from(password).toString(spelling)}`), true, spelling);
});
