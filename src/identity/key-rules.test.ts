import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KeyEntry } from '../core/directory.ts';
import { isShapedLikeKey, makeKey } from './api-key.ts';
import { createDigester } from './digester.ts';
import { type AskedKey, keyRules, newKey, rotatedKey } from './key-rules.ts';

const digester = createDigester('a pepper');
const context = { digest: digester.digest, nowMs: 1_000 };
const asked: AskedKey = {
  tenant: 'acme',
  name: 'ci',
  team: 'red',
  user: '',
  role: 'developer',
  expiresAtMs: 0,
  scopes: { models: ['gemma'], routes: [], addresses: [] },
};

function entryOf(changed: Partial<KeyEntry> = {}): KeyEntry {
  return { ...newKey(asked, context).draft, version: 7, createdAtMs: 5, ...changed };
}

test('G2: a key is 160 random bits that check themselves: a typing error is none of ours', () => {
  const key = makeKey();
  assert.ok(isShapedLikeKey(key));
  for (let at = 0; at < key.length; at += 1) {
    const other = key[at] === 'a' ? 'b' : 'a';
    assert.equal(isShapedLikeKey(key.slice(0, at) + other + key.slice(at + 1)), false, `at ${at}`);
  }
  for (const text of [`${key}\n`, ` ${key}`, key.slice(0, -1), `${key}0`]) {
    assert.equal(isShapedLikeKey(text), false);
  }
  assert.notEqual(makeKey(), key);
});

test('a new key is as it was asked for, and kept as its digest and last four characters alone', () => {
  const { key, draft } = newKey(asked, context);
  assert.ok(isShapedLikeKey(key));
  assert.equal(draft.digest, digester.digest(key));
  assert.equal(draft.hint, key.slice(-4));
  assert.deepEqual({ ...draft, ...asked }, draft);
  assert.ok(!JSON.stringify(draft).includes(key));
});

test('a rotated key stays what it was, and the one before is known for as long as both open', () => {
  const entry = entryOf();
  const { key, draft } = rotatedKey(entry, 60_000, context);
  const { version: _version, createdAtMs: _createdAtMs, ...kept } = entry;
  assert.deepEqual(draft, {
    ...kept,
    digest: digester.digest(key),
    hint: key.slice(-4),
    previousDigest: entry.digest,
    previousUntilMs: 61_000,
  });
});

test('rotated twice within the overlap, the first key is gone; rotated without one, the one before is', () => {
  const first = entryOf();
  const second = rotatedKey(first, 60_000, context).draft;
  const third = rotatedKey({ ...second, version: 8, createdAtMs: 5 }, 60_000, context).draft;
  assert.ok(third.previousDigest === second.digest && third.digest !== first.digest);
  const { previousDigest, previousUntilMs } = rotatedKey(first, 0, context).draft;
  assert.deepEqual([previousDigest, previousUntilMs], ['', 0]);
});

test('ends that make no sense are refused by name', () => {
  for (const expiresAtMs of [1_000, 999, -1, 1.5, Number.NaN, 1_001 + keyRules.lifeMsMax]) {
    assert.throws(() => newKey({ ...asked, expiresAtMs }, context), {
      code: 'invalid_request',
      param: 'expiresAtMs',
    });
  }
  assert.equal(newKey({ ...asked, expiresAtMs: 1_001 }, context).draft.expiresAtMs, 1_001);
  for (const overlapMs of [-1, 0.5, Number.NaN, keyRules.overlapMsMax + 1]) {
    assert.throws(() => rotatedKey(entryOf(), overlapMs, context), { code: 'invalid_request' });
  }
});

test('a digest says by which pepper it is, and nothing of the pepper', () => {
  const both = createDigester('another pepper', ['a pepper']);
  const key = makeKey();
  assert.ok(both.candidates(key).includes(digester.digest(key)));
  assert.notEqual(both.digest(key), digester.digest(key));
  assert.match(digester.digest(key), /^[\w-]{8}\.[\w-]{43}$/);
});
