import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Failure } from '../core/failure.ts';
import { scanJson } from './json-scan.ts';
import { splice } from './splice.ts';

function valueAt(bytes: Buffer, span: { start: number; end: number } | undefined): unknown {
  assert.ok(span);
  return JSON.parse(bytes.toString('utf8', span.start, span.end));
}

test('every top-level value lies where the scan says, whatever the object', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue()),
      fc.nat(3),
      (object, indent) => {
        const bytes = Buffer.from(JSON.stringify(object, undefined, indent));
        const spans = scanJson(bytes);
        const keys = Object.keys(object);
        assert.deepEqual([...spans.keys()].sort(), keys.sort());
        for (const key of keys)
          assert.deepEqual(valueAt(bytes, spans.get(key)), JSON.parse(JSON.stringify(object[key])));
      },
    ),
  );
});

test('any bytes at all are scanned or refused, and never crash the scan', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (array) => {
      try {
        scanJson(Buffer.from(array));
      } catch (thrown) {
        assert.ok(thrown instanceof Failure);
      }
    }),
  );
});

test('a key that stands twice is refused by name, also when one is written in escapes (C2)', () => {
  for (const text of ['{"model":"a","x":1,"model":"b"}', '{"model":"a","mod\\u0065l":"b"}']) {
    assert.throws(
      () => scanJson(Buffer.from(text)),
      (thrown) => thrown instanceof Failure && thrown.param === 'model',
    );
  }
});

test('the same key on deeper levels is nobody’s business', () => {
  assert.doesNotThrow(() => scanJson(Buffer.from('{"a":{"model":1},"model":2,"b":[{"model":3}]}')));
});

test('64 levels pass and 65 do not (G12)', () => {
  const nested = (depth: number) => Buffer.from(`{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`);
  assert.doesNotThrow(() => scanJson(nested(64)));
  assert.throws(() => scanJson(nested(65)), /nested deeper than 64/);
});

test('a body of a million tiny values is refused (G12)', () => {
  assert.throws(() => scanJson(Buffer.from(`{"a":[${'1,'.repeat(1_000_000)}1]}`)), /more than 200000 values/);
});

test('quotes and braces within strings are text, at any length', () => {
  const text = `${'x'.repeat(100)}"}{\\,:[${'y'.repeat(100)}\\`;
  const bytes = Buffer.from(JSON.stringify({ text, model: 'm' }));
  const spans = scanJson(bytes);
  assert.equal(valueAt(bytes, spans.get('text')), text);
  assert.equal(valueAt(bytes, spans.get('model')), 'm');
});

test('each name is read as it stands, however many were read before it', () => {
  const names = Array.from({ length: 900 }, (_, at) => (at % 3 === 0 ? `né${at}` : `name${at * 7}`));
  for (const several of [names, names.toReversed(), names.map((name) => `${name}${'x'.repeat(80)}`)]) {
    const bytes = Buffer.from(JSON.stringify(Object.fromEntries(several.map((name) => [name, name]))));
    const spans = scanJson(bytes);
    assert.deepEqual(new Set(spans.keys()), new Set(several));
    for (const [name, span] of spans) assert.equal(valueAt(bytes, span), name);
  }
});

test('splicing one value leaves every other byte as it was', () => {
  const bytes = Buffer.from('{ "a" : "é" ,"model":"old","z":1.0 }');
  const span = scanJson(bytes).get('model');
  assert.ok(span);
  const spliced = splice(bytes, [{ ...span, text: '"new"' }]);
  assert.equal(Buffer.from(spliced).toString(), '{ "a" : "é" ,"model":"new","z":1.0 }');
});
