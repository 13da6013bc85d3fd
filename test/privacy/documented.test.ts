/** That docs/privacy.md says what is so. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { idempotencyOptions } from '../../src/identity/idempotency-options.ts';
import { privacyOptions } from '../../src/privacy/options.ts';
import { remains } from '../../src/privacy/remains.ts';
import { contentBytesMax } from '../../src/privacy/sealed-content.ts';
import { conversationsOptions } from '../../src/stores/options.ts';

const path = 'docs/privacy.md';
const page = readFileSync(path, 'utf8');

test('what remains after an erasure stands in the documentation as the gateway tells it', () => {
  const rows = remains.map(({ what, where, until, why }) => `| ${what} | ${where} | ${until} | ${why} |`);
  const table = ['| what | where | until | why |', '|---|---|---|---|', ...rows].join('\n');
  const written = page.replace(
    /(<!-- remains -->\n)[\s\S]*(<!-- \/remains -->)/,
    (_all, begin: string, end: string) => `${begin}${table}\n${end}`,
  );
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(path, written);
  else assert.equal(page, written, `run UPDATE_DOCS=1 node --test ${import.meta.filename}`);
});

test('how long things are kept is what the documentation says', () => {
  const { ttlS: conversationsS, enabled: conversing } = conversationsOptions.parse({});
  const { ttlS: replaysS, enabled: replaying } = idempotencyOptions.parse({});
  assert.deepEqual([conversing, replaying], [true, true]);
  assert.ok(page.includes(`\`conversations.ttlS\` after the last turn: ${conversationsS} seconds`));
  assert.ok(page.includes(`\`idempotency.ttlS\`: ${replaysS} seconds`));
  assert.deepEqual(privacyOptions.parse({}), { content: 'allowed' });
  assert.ok(page.includes(`up to ${contentBytesMax / 1024} KiB of either`));
});
