import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { createSealingKey, KeyRing, keyBytes } from '../lib/seal.ts';
import { createMarks } from './shares.ts';

test('one name has one mark at all that have the master key, and another where it is another', () => {
  const bytes = randomBytes(keyBytes);
  const ring = () => new KeyRing(createSealingKey(bytes));
  const [one, two, stranger] = [ring(), ring(), new KeyRing(createSealingKey(randomBytes(keyBytes)))].map(
    createMarks,
  );
  assert.equal(one?.('acme'), two?.('acme'));
  assert.match(one?.('acme') ?? '', /^[\w-]{6}$/u);
  assert.notEqual(one?.('acme'), one?.('acme2'));
  assert.notEqual(one?.('acme'), stranger?.('acme'));
});
