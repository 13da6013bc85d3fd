import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wrapWords } from './wrap-words.ts';

test('a long line goes on below, indented further; a short one and a long word stay as they are', () => {
  assert.equal(wrapWords('  one two three four', 12), '  one two\n    three\n    four');
  assert.equal(wrapWords('  a  b\n\nc', 12), '  a  b\n\nc');
  assert.equal(wrapWords('unbreakable words', 6), 'unbreakable\n  words');
});

test('colours take no room, and a screen that does not tell its width gets its lines whole', () => {
  const dim = '\u001b[2m  one two\u001b[22m';
  assert.equal(wrapWords(dim, 9), dim);
  assert.equal(wrapWords(`${dim} three`, 9), `${dim}\n    three`);
  assert.equal(wrapWords('one two three', undefined), 'one two three');
  assert.equal(wrapWords('one two three', 0), 'one two three');
});
