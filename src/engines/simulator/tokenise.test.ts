import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fillerSentence } from './filler.ts';
import { createRandom } from './random.ts';
import { countTokens, tokenise } from './tokenise.ts';

test('a token is a short word or another character, with the space before it', () => {
  assert.deepEqual(tokenise('Hello, extraordinary  world!\n'), [
    'Hello',
    ',',
    ' extraord',
    'inary',
    '  world',
    '!',
    '\n',
  ]);
  assert.deepEqual(tokenise('naïve 東京 😀'), ['naïve', ' 東', '京', ' 😀']);
  assert.deepEqual(tokenise(''), []);
});

test('whatever the text, its tokens put together are the text, none is empty, and counting agrees', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      const tokens = tokenise(text);
      assert.equal(tokens.join(''), text);
      assert.ok(tokens.every((token) => token !== ''));
      assert.equal(countTokens(text), tokens.length);
    }),
  );
});

test('no token splits a character in two', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      assert.ok(tokenise(text).every((token) => token.isWellFormed()));
    }),
  );
});

test('the words that fill an answer are one token each, so that counts are exact', () => {
  const random = createRandom(7);
  for (let count = 0; count < 500; count += 1) {
    const sentence = fillerSentence(random);
    assert.deepEqual(tokenise(sentence.join('')), sentence);
  }
});
