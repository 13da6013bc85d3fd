import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toGrammarSchema } from './json-schema.ts';

test('annotations are left out, and what a grammar can enforce is kept', () => {
  const schema = {
    $schema: 'x',
    title: 'T',
    type: 'object',
    properties: { a: { type: 'string', description: 'd', maxLength: 3 } },
    required: ['a'],
    additionalProperties: false,
  };
  assert.deepEqual(toGrammarSchema(schema, 'schema'), {
    type: 'object',
    properties: { a: { type: 'string', maxLength: 3 } },
    required: ['a'],
    additionalProperties: false,
  });
});

test('properties may have the names of keywords', () => {
  const schema = { type: 'object', properties: { pattern: { type: 'string' }, title: { type: 'null' } } };
  assert.deepEqual(toGrammarSchema(schema, 'schema'), schema);
});

test('several types with keywords of one of them become alternatives', () => {
  assert.deepEqual(toGrammarSchema({ type: ['object', 'null'], properties: {} }, 'schema'), {
    oneOf: [{ type: 'object', properties: {} }, { type: 'null' }],
  });
  assert.deepEqual(toGrammarSchema({ anyOf: [{ type: 'null' }] }, 'schema'), { oneOf: [{ type: 'null' }] });
});

test('what cannot be enforced is refused by its path', () => {
  const refused = (schema: unknown, path: string) =>
    assert.throws(() => toGrammarSchema(schema, 'schema'), { param: path });
  refused({ type: 'number', minimum: 1 }, 'schema.minimum');
  refused({ type: 'array', items: { not: {} } }, 'schema.items.not');
  refused({ oneOf: [{ type: 'string', format: 'uri' }] }, 'schema.oneOf[0].format');
  refused({ properties: { constructor: 1 } }, 'schema.properties.constructor');
  refused('x', 'schema');
});

test('a schema without end is refused before it costs anything', () => {
  let schema: object = { type: 'null' };
  for (let depth = 0; depth < 1000; depth += 1) schema = { type: 'array', items: schema };
  assert.throws(() => toGrammarSchema(schema, 'schema'), /goes beyond 32 levels/);
});
