import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { renderFlatLines } from './flat-lines.ts';

test('what holds nothing but plain values takes one line', () => {
  const run = { name: 'full', rounds: { millrace: [{ p50Ms: 1, failed: 0 }, undefined] }, notes: [] };
  assert.equal(
    renderFlatLines(run),
    [
      '{',
      '  "name": "full",',
      '  "rounds": {',
      '    "millrace": [',
      '      {"p50Ms":1,"failed":0},',
      '      null',
      '    ]',
      '  },',
      '  "notes": []',
      '}',
      '',
    ].join('\n'),
  );
});

test('it says the same as plain JSON, whatever it is given', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.deepEqual(JSON.parse(renderFlatLines(value)), JSON.parse(JSON.stringify(value)));
    }),
  );
});
