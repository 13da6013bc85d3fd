/** What takes a glance at a small configuration takes no minutes at a large one: whoever sends it holds up all who are served (G13). */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadConfig } from './load.ts';
import { ConfigError } from './problem.ts';

/** A second is more than they take; by looking at all for each, either took half a minute. */
const timeout = 20_000;

async function problemsOf(t: TestContext, text: string): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-large-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'millrace.yaml');
  await writeFile(path, text);
  try {
    loadConfig({ path, env: {} });
    return [];
  } catch (thrown) {
    assert.ok(thrown instanceof ConfigError);
    return thrown.problems.map(({ message }) => message);
  }
}

test('G13: thousands of keys that nobody knows are told of at once', { timeout }, async (t) => {
  const count = 12_000;
  const problems = await problemsOf(t, Array.from({ length: count }, (_, at) => `k${at}: 1\n`).join(''));
  assert.equal(problems[0], '`k0` is not a key that may stand here');
  assert.equal(problems.at(-1), `and ${count - 100} problems more`);
});

test('G13: thousands of fallbacks in a row are followed at once, and of a circle it is told so often and no more', {
  timeout,
}, async (t) => {
  const models = (count: number, last: string) => {
    const rows = Array.from({ length: count }, (_, at) => {
      const fallback = at === count - 1 ? last : `m${at + 1}`;
      return `  m${at}: { targets: [{ upstream: s, model: x }], fallback: [${fallback}] }\n`;
    });
    return `upstreams: { s: { type: simulator } }\nmodels:\n${rows.join('')}`;
  };
  assert.deepEqual(await problemsOf(t, models(2_000, '')), []);
  const [first = '', ...others] = await problemsOf(t, models(150, 'm0'));
  assert.match(first, /^leads back to where it began: m0 → m1 → .* → … → m0$/);
  assert.equal(others.length, 99);
});
