/** What is read on a thread is what would have been read here, mistakes and failures included (G13). */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../lib/clock.ts';
import { Configuration } from './configuration.ts';
import { withPart } from './edit-text.ts';
import { writeHotText } from './hot-text.ts';
import { hotTextOf } from './hot-text-of.ts';
import { loadConfig } from './load.ts';
import { ConfigError } from './problem.ts';
import { aside, charsHereMax } from './yaml-aside.ts';

const models = (prefix: string) =>
  Array.from(
    { length: 300 },
    (_, at) => `  ${prefix}-${at}: { targets: [{ upstream: s, model: x }] } # as it was\n`,
  ).join('');
const large = `include: more.yaml\nupstreams: { s: { type: simulator } }\nmodels:\n${models('one')}`;

async function folderWith(t: TestContext, more: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-aside-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'millrace.yaml'), large);
  await writeFile(join(folder, 'more.yaml'), more);
  return join(folder, 'millrace.yaml');
}

test('large files that include each other are read aside as they are read here, and written as they were', async (t) => {
  const more = `models:\n${models('two')}`;
  assert.ok(more.length > charsHereMax && large.length > charsHereMax);
  const path = await folderWith(t, more);
  const configuration = new Configuration({ path, environment: {}, clock: systemClock });
  const [loaded, here] = [await configuration.load(), loadConfig({ path, env: {} })];
  assert.deepEqual(loaded, here);
  const { text } = await hotTextOf(loaded);
  const { fileText, written } = here.half;
  assert.equal(text, writeHotText({ fileText, written, secretPaths: [] }).text);
});

test('what is wrong in a large file is told at its place', async (t) => {
  const path = await folderWith(t, `models:\n${models('two')}  three: { targets: [ }\n`);
  const configuration = new Configuration({ path, environment: {}, clock: systemClock });
  const same = (thrown: unknown) => {
    assert.ok(thrown instanceof ConfigError);
    assert.throws(
      () => loadConfig({ path, env: {} }),
      (here: ConfigError) => {
        assert.deepEqual(thrown.problems, here.problems);
        return true;
      },
    );
    return true;
  };
  await assert.rejects(configuration.load(), same);
});

test('a part of a large text is changed aside, and a failure comes back as one', async () => {
  const part = { text: large, path: ['models', 'three'], value: { targets: [] } };
  assert.equal(await aside('withPart', part, large.length), withPart(part));
  const absent = { text: large, path: ['models', 'nobodys'] };
  await assert.rejects(aside('withoutPart', absent, large.length), { code: 'not_found' });
});

test('a text that could not be made once is made when it is asked for again', async (t) => {
  const path = await folderWith(t, `models:\n${models('two')}`);
  const loaded = loadConfig({ path, env: {} });
  let asked = 0;
  const failsOnce = {
    ...loaded,
    get half() {
      asked += 1;
      if (asked === 1) throw new Error('the thread died');
      return loaded.half;
    },
  };
  await assert.rejects(hotTextOf(failsOnce), { message: 'the thread died' });
  assert.deepEqual(await hotTextOf(failsOnce), await hotTextOf(loaded));
  await hotTextOf(failsOnce);
  assert.equal(asked, 2);
});
