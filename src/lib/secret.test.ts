import assert from 'node:assert/strict';
import { test } from 'node:test';
import { format, inspect } from 'node:util';
import { Secret } from './secret.ts';

test('a secret prints as *** wherever it is printed (G8)', () => {
  const secret = new Secret('canary-4711');
  const printed = [
    `${secret}`,
    String(secret),
    JSON.stringify({ secret }),
    inspect({ deep: { secret } }, { depth: 9, showHidden: true }),
    format('%s %o %j', secret, secret, secret),
    Object.entries(secret).join(),
  ].join('\n');
  assert.doesNotMatch(printed, /canary/);
  assert.match(printed, /\*\*\*/);
  assert.equal(secret.reveal(), 'canary-4711');
});
