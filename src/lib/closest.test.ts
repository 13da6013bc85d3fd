import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closest } from './closest.ts';

const keys = ['listen', 'admin', 'upstreams', 'models', 'queue', 'keys'];

test('a slip of the pen finds what was meant', () => {
  const slips = { upstream: 'upstreams', lisen: 'listen', moedls: 'models', KEYS: 'keys', qeue: 'queue' };
  for (const [word, meant] of Object.entries(slips)) assert.equal(closest(word, keys), meant, word);
});

test('what is near nothing finds nothing', () => {
  for (const word of ['', 'x', 'budgets', 'completely-different', 'k'.repeat(10_000)]) {
    assert.equal(closest(word, keys), undefined, word);
  }
});
