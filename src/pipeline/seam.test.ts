import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../core/failure.ts';
import { cutBack, Seam } from './seam.ts';

const texts = [
  'The mill turns the water’s fall into flour, and it has done so for two thousand years.',
  'ha ha ha ha ha ha, and then he stopped laughing; ha ha ha!',
  '| a | b |\n|---|---|\n| 1 | 2 |\n| 1 | 2 |\n| 1 | 2 |\n| 3 | 4 |\n',
  'def f(x):\n    if x:\n        return x\n    return f(x - 1)\n\n\ndef g():\n\treturn f(3)\n',
  '👩‍👩‍👧‍👦 家族は川のそばに住んでいる。水車は毎日回る。🌊🌊🌊 そして、粉を挽く。',
  'é́ à ü — “quotes”, naïve café; Ω≈ç√∫˜µ≤≥÷ and so on…   \n\n   after blank space',
  ' leading space, and\r\nlines of another kind\r\n\r\n',
  'x'.repeat(300),
  'short',
  '   \n',
];

/** Whoever goes on honestly says what was kept back and then the rest, in pieces of any size. */
function goOn(cut: { readonly again: string }, said: string, pieceChars: number): string {
  const seam = new Seam(cut.again);
  let fresh = '';
  for (let at = 0; at < said.length; at += pieceChars) fresh += seam.push(said.slice(at, at + pieceChars));
  if (said !== '' && !seam.proven) throw new Error('never proven');
  return fresh;
}

for (const text of texts) {
  test(`G17: cut anywhere, the answer is whole again: ${JSON.stringify(text.slice(0, 24))}`, () => {
    for (let at = 0; at <= text.length; at += 1) {
      const had = text.slice(0, at);
      let cut: ReturnType<typeof cutBack>;
      try {
        cut = cutBack(had);
      } catch (refusal) {
        assert.ok(refusal instanceof Failure && refusal.code === 'not_continued');
        continue;
      }
      assert.equal(cut.kept + cut.again, had);
      for (const pieceChars of [1, 2, 3, 7, 1_000]) {
        const rest = text.slice(cut.kept.length);
        assert.equal(had + goOn(cut, rest, pieceChars), text, `at ${at}, in pieces of ${pieceChars}`);
        // A tokenizer that loses or adds the space in front changes nothing for the client.
        if (cut.again.trim() === '') continue;
        assert.equal(had + goOn(cut, rest.trimStart(), pieceChars), text, `trimmed at ${at}`);
        assert.equal(had + goOn(cut, ` ${rest}`, pieceChars), text, `with a space more at ${at}`);
      }
    }
  });
}

test('G17: what is kept back ends no message with a space, for templates trim it', () => {
  for (const text of texts.slice(0, 7)) {
    for (let at = 20; at <= text.length; at += 1) {
      const { kept } = cutBack(text.slice(0, at));
      assert.equal(kept, kept.trimEnd());
    }
  }
});

const lies: ReadonlyArray<
  readonly [name: string, lie: (text: string, cut: ReturnType<typeof cutBack>) => string]
> = [
  ['starts anew', (text) => text],
  ['starts anew in other words', () => 'Sure! Here is what I know of mills.'],
  [
    'leaves out the space between words',
    (text, cut) => cut.again.trim().replace(/\s/g, '') + text.slice(cut.kept.length + cut.again.length),
  ],
  [
    'goes on behind what it was asked to repeat',
    (text, cut) => text.slice(cut.kept.length + cut.again.length),
  ],
  [
    'repeats the word before',
    (text, cut) => (cut.kept.match(/\s*\S+$/)?.[0] ?? '') + text.slice(cut.kept.length),
  ],
  ['goes on in capitals', (text, cut) => text.slice(cut.kept.length).toUpperCase()],
];

for (const [name, lie] of lies) {
  test(`G17: an upstream that ${name} is found out, or what it says is the answer all the same`, () => {
    const text = 'The mill turns the water’s fall into flour, and it has done so for two thousand years.';
    let found = 0;
    for (let at = 1; at < text.length; at += 1) {
      const had = text.slice(0, at);
      const cut = cutBack(had);
      if (cut.kept === '') continue;
      try {
        const whole = had + goOn(cut, lie(text, cut), 3);
        assert.equal(whole, text, `at ${at}`);
      } catch (thrown) {
        if (!(thrown instanceof Failure || (thrown instanceof Error && thrown.message === 'never proven')))
          throw thrown;
        found += 1;
      }
    }
    assert.ok(found > 10, `${found} found out`);
  });
}

test('G17: what repeats its own beginning is not gone on with: a new beginning could not be told from the rest', () => {
  assert.throws(() => cutBack('ha '.repeat(200)), { code: 'not_continued' });
});
