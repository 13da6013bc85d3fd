import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import type { Json, JsonObject } from '../../core/call.ts';
import { Failure } from '../../core/failure.ts';
import { instanceOf } from './schema-instance.ts';

const cases: ReadonlyArray<readonly [string, JsonObject, Json]> = [
  [
    'only what is required',
    { type: 'object', properties: { a: { type: 'string' }, b: { type: 'null' } }, required: ['b'] },
    { b: null },
  ],
  ['the constant', { const: { a: [1] } }, { a: [1] }],
  ['the first of an enum that the type allows', { enum: ['a', 3, 4], type: 'integer' }, 3],
  ['the first type of several', { type: ['null', 'string'] }, null],
  [
    'as many items as have to be',
    { type: 'array', items: { type: 'integer', minimum: 2 }, minItems: 2 },
    [2, 2],
  ],
  ['no items where none have to be', { items: { type: 'string' } }, []],
  [
    'different items',
    { type: 'array', items: { enum: [1, 2, 3] }, minItems: 3, uniqueItems: true },
    [1, 2, 3],
  ],
  ['a tuple', { type: 'array', prefixItems: [{ const: 1 }, { type: 'boolean' }], minItems: 2 }, [1, true]],
  ['a whole number above a bound', { type: 'integer', exclusiveMinimum: 3 }, 4],
  ['a multiple within bounds', { type: 'number', multipleOf: 5, minimum: 11, maximum: 17 }, 15],
  ['a negative number', { type: 'number', maximum: -2 }, -2],
  ['what lies between two bounds', { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 }, 0.5],
  ['text as long as it must be', { type: 'string', minLength: 6 }, 'tttext'],
  ['text as short as it must be', { type: 'string', maxLength: 2 }, 'xt'],
  ['text of a pattern', { type: 'string', pattern: '^[A-Z]{3}$' }, 'AAA'],
  ['a branch that can be met', { anyOf: [false, { type: 'string', enum: [] }, { const: 2 }] }, 2],
  [
    'the branch that no other accepts too',
    { oneOf: [{ type: 'integer' }, { type: 'number' }, { type: 'string' }] },
    'text',
  ],
  [
    'all of several',
    {
      allOf: [
        { properties: { a: { minimum: 3 } }, required: ['a'] },
        { properties: { a: { type: 'integer', minimum: 2 } } },
      ],
    },
    { a: 3 },
  ],
  ['a definition', { $ref: '#/$defs/a~1b', $defs: { 'a/b': { const: 1 } } }, 1],
  [
    'a definition with neighbours',
    { $ref: '#/$defs/n', minimum: 7, $defs: { n: { type: 'integer', minimum: 3 } } },
    7,
  ],
  ['a required property without a schema', { type: 'object', required: ['x'] }, { x: 'text' }],
  [
    'enough properties',
    { type: 'object', minProperties: 2, properties: { a: { const: 1 } } },
    { a: 1, property1: 'text' },
  ],
];

for (const [name, schema, expected] of cases) {
  test(`a schema gets ${name}`, () => {
    assert.deepEqual(instanceOf(schema), expected);
  });
}

test('a tree whose branches may be empty ends, one that never may is refused', () => {
  const tree = (required: string[]): JsonObject => ({
    $ref: '#/$defs/node',
    $defs: {
      node: {
        type: 'object',
        properties: {
          value: { type: 'integer' },
          next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] },
          child: { $ref: '#/$defs/node' },
          children: { type: 'array', items: { $ref: '#/$defs/node' } },
        },
        required,
      },
    },
  });
  assert.deepEqual(instanceOf(tree(['value', 'children'])), { value: 0, children: [] });
  assert.throws(() => instanceOf(tree(['child'])), Failure);
});

const refused: readonly JsonObject[] = [
  { $ref: '#' },
  { $ref: '#/$defs/none' },
  { $ref: 'https://example.com/schema' },
  { allOf: [{ $ref: '#' }] },
  { type: 'string', enum: [1] },
  { type: 'integer', minimum: 1.2, maximum: 1.8 },
  { type: 'array', items: { type: 'null' }, minItems: 2, uniqueItems: true },
  { type: 'array', minItems: 1e9 },
  { type: 'string', minLength: 1e9 },
  { type: 'object', minProperties: 3, maxProperties: 2 },
  { type: 'string', pattern: '(?<=a)b' },
  { not: {} },
  { type: 'dragon' },
];

for (const schema of refused) {
  test(`${JSON.stringify(schema)} is refused, and says so`, () => {
    assert.throws(
      () => instanceOf(schema),
      (thrown: unknown) =>
        thrown instanceof Failure && thrown.status === 400 && thrown.param === 'response_format',
    );
  });
}

test('a schema that would grow without end costs no more than its bound', () => {
  const level = (name: string): JsonObject => ({
    type: 'array',
    items: { $ref: `#/$defs/${name}` },
    minItems: 50,
  });
  const schema = { ...level('a'), $defs: { a: level('b'), b: level('c'), c: level('d'), d: level('a') } };
  assert.throws(() => instanceOf(schema), Failure);
});

test('the instance of whatever schema a client makes with zod passes that schema', () => {
  const { tree } = fc.letrec<{ tree: z.ZodType; leaf: z.ZodType }>((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      tie('leaf'),
      fc
        .array(tie('tree'), { maxLength: 3 })
        .map((items) => z.object(Object.fromEntries(items.map((item, at) => [`p${at}`, item])))),
      fc.tuple(tie('tree'), fc.nat({ max: 3 })).map(([item, least]) => z.array(item).min(least)),
      fc
        .array(tie('tree'), { minLength: 1, maxLength: 3 })
        .map((items) => z.union(items as [z.ZodType, ...z.ZodType[]])),
      fc
        .array(tie('tree'), { minLength: 1, maxLength: 2 })
        .map(([one, two]) => z.tuple([one ?? z.null(), two ?? z.null()])),
      tie('tree').map((item) => z.object({ kept: item, maybe: item.optional(), none: item.nullable() })),
    ),
    leaf: fc.oneof(
      fc.constantFrom<z.ZodType>(
        z.null(),
        z.boolean(),
        z.string(),
        z.iso.datetime(),
        z.email(),
        z.uuid(),
        z.url(),
      ),
      fc.constantFrom<z.ZodType>(z.enum(['a', 'b']), z.literal('x'), z.literal(5), z.ipv4(), z.iso.date()),
      fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 9 })).map(([least, more]) =>
        z
          .string()
          .min(least)
          .max(least + more),
      ),
      fc.tuple(fc.integer({ min: -99, max: 99 }), fc.nat({ max: 99 })).map(([least, more]) =>
        z
          .int()
          .min(least)
          .max(least + more),
      ),
      fc.tuple(fc.integer({ min: -99, max: 99 }), fc.integer({ min: 1, max: 99 })).map(([least, more]) =>
        z
          .number()
          .gt(least)
          .lt(least + more),
      ),
    ),
  }));
  fc.assert(
    fc.property(tree, (schema) => {
      const instance = instanceOf(z.toJSONSchema(schema, { io: 'input' }) as JsonObject);
      const { success, error } = schema.safeParse(instance);
      assert.ok(success, `${JSON.stringify(instance)}: ${error?.message}`);
    }),
    { numRuns: 300 },
  );
});
