/** A store that several gateways may have, and nothing else by which they could hear of each other: it is told of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from './load.ts';

test('a gateway on PostgreSQL that shares nothing else says that it counts for itself', () => {
  const store = 'postgres://millrace:swordfish@db:5432/millrace';
  const warned = (...variables: string[]) => {
    const given = variables.map((variable) => variable.split(/=(.*)/).slice(0, 2));
    return loadConfig({ env: Object.fromEntries(given) }).warnings.filter((told) =>
      told.startsWith('shared is'),
    );
  };
  assert.match(warned(`MILLRACE__STORE=${store}`).join(), /Run one of it.* or set `shared: redis:/);
  assert.deepEqual(warned(`MILLRACE__STORE=${store}`, 'MILLRACE__SHARED=redis://:swordfish@cache:6379'), []);
  assert.deepEqual(warned('MILLRACE__STORE=sqlite'), []);
});
