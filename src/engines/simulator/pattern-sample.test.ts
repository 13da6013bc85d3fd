import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { samplePattern } from './pattern-sample.ts';

const known = [
  '^[A-Z]{2}-\\d{4}$',
  '^(red|green)(-dark)?$',
  '^\\w+@\\w+\\.com$',
  '^[^a-z]{3}$',
  '^\\+?[1-9]\\d{1,14}$',
  '^#[0-9a-fA-F]{6}$',
  '^(?:\\d{1,3}\\.){3}\\d{1,3}$',
  '^\\s*$',
  '^[\\w.-]+$',
  '^a{0}b*$',
  '^[-_]x$',
  'anywhere',
  '',
];

for (const pattern of known) {
  test(`what is made from /${pattern}/ matches it`, () => {
    const sample = samplePattern(pattern);
    assert.notEqual(sample, undefined);
    assert.match(sample ?? '', new RegExp(pattern));
  });
}

test('what may repeat makes a text as long as it has to be', () => {
  const sample = samplePattern('^[a-z]+$', 12);
  assert.match(sample ?? '', /^[a-z]{12}$/);
});

test('what is not understood, or asks for too much, is left alone', () => {
  for (const pattern of [
    '(?=a)b',
    '(a)\\1',
    '\\p{L}',
    '[',
    '(',
    'a)',
    '*a',
    '(((a{900}){900}){900})',
    '[^\\s\\S]',
  ])
    assert.equal(samplePattern(pattern), undefined, pattern);
});

test('a pattern that never ends when it is run costs nothing, as it is not run', () => {
  assert.equal(samplePattern('^(a+)+$'), 'a');
});

test('whatever the pattern, it is answered, and what is answered matches', () => {
  const pieces = fc.array(
    fc.constantFrom(
      'a',
      'b|',
      '(',
      ')',
      '[a-c]',
      '[^x]',
      '\\d',
      '\\.',
      '*',
      '+',
      '?',
      '{2}',
      '{1,3}',
      '.',
      '^',
      '$',
    ),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(pieces, (parts) => {
      const pattern = parts.join('');
      const sample = samplePattern(pattern);
      // An anchor in the middle can never match: making a text for it is what engines do too.
      if (sample === undefined || /.\^|\$./.test(pattern) || !isPattern(pattern)) return;
      assert.match(sample, new RegExp(pattern));
    }),
  );
});

function isPattern(pattern: string): boolean {
  try {
    new RegExp(pattern);
    return true;
  } catch {
    return false;
  }
}
