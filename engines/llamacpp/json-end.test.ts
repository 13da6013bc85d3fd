import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createJsonEnd } from './json-end.ts';

test('whatever the value and the pieces, the end is the end of the value', () => {
  fc.assert(
    fc.property(fc.json(), fc.integer({ min: 1, max: 5 }), (json, size) => {
      const jsonEnd = createJsonEnd();
      // Without what follows, a number could still grow.
      const text = `${json} \n`;
      let read = 0;
      for (let start = 0; start < text.length; start += size) {
        const piece = text.slice(start, start + size);
        const end = jsonEnd.push(piece);
        if (end !== undefined) {
          assert.equal(text.slice(0, read + end), json);
          return;
        }
        read += piece.length;
      }
      assert.fail('the end was not found');
    }),
  );
});

test('space before the value does not end it', () => {
  assert.equal(createJsonEnd().push('\n  {"a": "}"}  '), 13);
});
