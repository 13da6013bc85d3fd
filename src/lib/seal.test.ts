import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { createSealingKey, KeyRing, keyIdOf, parseKey, SealError } from './seal.ts';

const one = createSealingKey(Buffer.alloc(32, 1));
const two = createSealingKey(Buffer.alloc(32, 2));
const plain = Buffer.from('what was said');

test('what is sealed opens again, holds nothing of what it was, and is never the same twice', () => {
  const ring = new KeyRing(one);
  for (const text of ['', 'x', 'what was said', 'ä'.repeat(10_000)]) {
    const sealed = ring.seal(Buffer.from(text), 'about');
    assert.equal(ring.open(sealed, 'about').toString(), text);
    assert.equal(sealed.length, 1 + 8 + 12 + Buffer.byteLength(text) + 16);
    if (text.length > 3) assert.equal(sealed.indexOf(text.slice(0, 4)), -1);
  }
  assert.notDeepEqual(ring.seal(plain, 'about'), ring.seal(plain, 'about'));
});

test('it opens only as what it was sealed as, with the key that sealed it, and unchanged in every bit', () => {
  const ring = new KeyRing(one);
  const sealed = ring.seal(plain, 'tenant a');
  assert.throws(() => ring.open(sealed, 'tenant b'), SealError);
  assert.throws(() => new KeyRing(two).open(sealed, 'tenant a'), /which is not here/);
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const changed = Buffer.from(sealed);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.throws(() => ring.open(changed, 'tenant a'), SealError, `bit ${bit}`);
  }
  for (let length = 0; length < sealed.length; length += 1) {
    assert.throws(() => ring.open(sealed.subarray(0, length), 'tenant a'), SealError, `${length} bytes`);
  }
});

test('what is sealed in the same memory as the one before opens as if it were alone, longer or shorter', () => {
  const ring = new KeyRing(one);
  const sealing = ring.sealing('about');
  for (const [at, text] of ['what was said', 'x'.repeat(10_000), 'x', ''].entries()) {
    const sealed = sealing.seal(Buffer.from(text), Buffer.alloc(12, at));
    assert.equal(ring.open(sealed, 'about').toString(), text);
    assert.throws(() => ring.open(sealed, 'other'), SealError);
  }
});

test('P10: of two keys the new one seals, and what the old one sealed still opens', () => {
  const before = new KeyRing(one).seal(plain, 'about');
  const ring = new KeyRing(two, [one]);
  assert.equal(ring.open(before, 'about').toString(), 'what was said');
  assert.equal(keyIdOf(ring.seal(plain, 'about')), two.id);
  assert.equal(keyIdOf(before), one.id);
});

test('keys for a purpose are the same wherever the keys are, other for each purpose, and follow a rotation', () => {
  const sealed = new KeyRing(one).derive('a').seal(plain, 'about');
  assert.deepEqual(new KeyRing(two, [one]).derive('a').open(sealed, 'about'), plain);
  for (const ring of [new KeyRing(one), new KeyRing(one).derive('b'), new KeyRing(two).derive('a')]) {
    assert.throws(() => ring.open(sealed, 'about'), /which is not here/);
  }
});

test('a key is 32 bytes in hexadecimal or base64, and nothing prints it', () => {
  const bytes = randomBytes(32);
  const expected = createSealingKey(bytes).id;
  for (const form of ['hex', 'base64', 'base64url'] as const) {
    assert.equal(parseKey(bytes.toString(form))?.id, expected, form);
  }
  for (const text of ['', 'too short', 'x'.repeat(64), `${bytes.toString('hex')}0`]) {
    assert.equal(parseKey(text), undefined, text);
  }
  const printed = `${inspect(new KeyRing(createSealingKey(bytes)), { depth: 9 })}${JSON.stringify(createSealingKey(bytes))}`;
  for (const form of ['hex', 'base64', 'base64url'] as const) {
    assert.equal(printed.includes(bytes.toString(form).slice(0, 12)), false, form);
  }
});
