import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createStopMatcher } from './stop-matcher.ts';

function show(pieces: readonly string[], stops: readonly string[]): { shown: string; stopped: boolean } {
  const matcher = createStopMatcher(stops);
  let shown = '';
  for (const piece of pieces) {
    const matched = matcher.push(piece);
    shown += matched.text;
    if (matched.stopped) return { shown, stopped: true };
  }
  return { shown: shown + matcher.rest(), stopped: false };
}

test('a stop string is found across pieces, and nothing of it is shown', () => {
  assert.deepEqual(show(['one t', 'w', 'o three'], ['two']), { shown: 'one ', stopped: true });
});

test('what only began like a stop string is shown after all', () => {
  assert.deepEqual(show(['one tw', 'enty'], ['two']), { shown: 'one twenty', stopped: false });
  assert.deepEqual(show(['one tw'], ['two']), { shown: 'one tw', stopped: false });
});

test('however a text is cut, it ends where the first stop string begins', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 });
  const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 4 }), {
    maxLength: 3,
  });
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 6 }), stops, (pieces, all) => {
      const text = pieces.join('');
      const { shown, stopped } = show(pieces, all);
      if (stopped) assert(all.some((stop) => text.startsWith(shown + stop)));
      else assert.equal(shown, text);
      assert.equal(
        stopped,
        all.some((stop) => text.includes(stop)),
      );
      assert(!all.some((stop) => shown.includes(stop)));
    }),
  );
});
