import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Failure } from '../core/failure.ts';
import { parseJsonBody } from './json-body.ts';

const refused: ReadonlyArray<readonly [what: string, body: Buffer | string, says: RegExp]> = [
  ['nothing', '', /empty/],
  ['text', 'hello', /not JSON/],
  ['a list', '[]', /must be a JSON object/],
  ['null', 'null', /must be a JSON object/],
  ['bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), /UTF-8/],
  ['half of a character', '{"a":"\\ud800"}', /lone surrogate/],
  ['half of a character in a key', '{"a":{"\\udc00":1}}', /lone surrogate/],
  ['the prototype as a field', '{"__proto__":{"x":1}}', /not a field/],
  ['the prototype deeper down', '{"a":[{"__proto__":1}]}', /not a field/],
  ['the prototype in escapes', '{"a":{"\\u005f_proto__":1}}', /not a field/],
  ['an open end', '{"a":', /not JSON/],
];

for (const [what, body, says] of refused) {
  test(`${what} is refused with a reason (C2)`, () => {
    assert.throws(
      () => parseJsonBody(Buffer.from(body)),
      (thrown) => {
        assert.ok(thrown instanceof Failure);
        assert.equal(thrown.status, 400);
        assert.match(thrown.message, says);
        return true;
      },
    );
  });
}

test('a prompt may speak of __proto__ and of whole characters in escapes', () => {
  const { value } = parseJsonBody(Buffer.from('{"a":"what is __proto__ \\ud83d\\ude00?"}'));
  assert.deepEqual(value, { a: 'what is __proto__ 😀?' });
});

test('whatever bytes come, they are parsed or refused as a bad request', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => new TextEncoder().encode(text)),
      ),
      (bytes) => {
        try {
          parseJsonBody(bytes);
        } catch (thrown) {
          assert.ok(thrown instanceof Failure && thrown.status === 400, String(thrown));
        }
      },
    ),
  );
});
