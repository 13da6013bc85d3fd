import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Scrapes } from './scrapes.ts';

test('who scrapes while the workers are asked shares what they say, and who comes after has them asked anew', async () => {
  const rounds: PromiseWithResolvers<string>[] = [];
  const scrapes = new Scrapes(() => {
    const round = Promise.withResolvers<string>();
    rounds.push(round);
    return round.promise;
  });
  const flood = Array.from({ length: 100 }, () => scrapes.text());
  assert.equal(rounds.length, 1);
  rounds[0]?.resolve('first');
  assert.deepEqual(new Set(await Promise.all(flood)), new Set(['first']));
  const next = scrapes.text();
  rounds[1]?.reject(new Error('it cannot be told'));
  await assert.rejects(next, /cannot be told/);
  const last = scrapes.text();
  rounds[2]?.resolve('third');
  assert.equal(await last, 'third');
});
