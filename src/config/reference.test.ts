import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { configJsonSchema, type JsonSchema } from './json-schema.ts';
import { renderReference } from './reference.ts';

const page = new URL('../../docs/configuration.md', import.meta.url);
const schemaFile = new URL('../../docs/millrace.schema.json', import.meta.url);
const update = process.env['UPDATE_DOCS'] === '1';
const outdated =
  'is out of date; write it anew with: UPDATE_DOCS=1 npx node --test src/config/reference.test.ts';
const [begin, end] = ['<!-- keys: begin -->', '<!-- keys: end -->'];

test('docs/configuration.md lists every key as the schema has it', () => {
  const written = readFileSync(page, 'utf8');
  const [before, after] = [written.split(begin)[0], written.split(end)[1]];
  assert.ok(after !== undefined, 'the page has its markers');
  const current = `${before}${begin}\n\n${renderReference()}\n\n${end}${after}`;
  if (update) writeFileSync(page, current);
  else assert.ok(written === current, `docs/configuration.md ${outdated}`);
});

test('docs/millrace.schema.json is the schema', () => {
  const current = `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
  if (update) writeFileSync(schemaFile, current);
  else assert.ok(readFileSync(schemaFile, 'utf8') === current, `docs/millrace.schema.json ${outdated}`);
});

test('every key has a description, which is its documentation', () => {
  const bare: string[] = [];
  visit(configJsonSchema(), '', (schema, path) => {
    for (const [key, child] of Object.entries(schema.properties ?? {})) {
      if ((child.description ?? '') === '') bare.push(`${path}.${key}`);
    }
  });
  assert.deepEqual(bare, []);
});

function visit(schema: JsonSchema, path: string, see: (schema: JsonSchema, path: string) => void): void {
  see(schema, path);
  for (const [key, child] of Object.entries(schema.properties ?? {})) visit(child, `${path}.${key}`, see);
  for (const branch of [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]) visit(branch, path, see);
  if (schema.items !== undefined) visit(schema.items, `${path}[]`, see);
  if (typeof schema.additionalProperties === 'object') visit(schema.additionalProperties, `${path}.*`, see);
}
