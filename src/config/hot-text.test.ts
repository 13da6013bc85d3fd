/** What is kept of a file: its words and comments, and none of its secrets. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { hotTextOf } from './hot-text-of.ts';
import { type LoadedConfig, loadConfig } from './load.ts';

const open = '$' + '{';
const secret = 'sk-canary-0f1e2d3c4b5a69788796a5b4c3d2e1f0';

async function loaded(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {},
): Promise<LoadedConfig> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-hot-'));
  t.after(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return loadConfig({ path: join(folder, 'main.yaml'), env });
}

test('comments stay, what is read at a start alone goes, and secrets are not among what stays', async (t) => {
  const config = await loaded(
    t,
    {
      'main.yaml': `# the head
listen: 127.0.0.1:0 # gone
# why: see https://docs.example/configuration-of-upstreams
upstreams:
  # old: ${secret}
  a: { type: openai, url: "http://h", key: &k ${secret} } # a
  b: { type: openai, url: "http://h", key: *k, headers: { x-a: "env:A", x-b: "${open}B:-${secret}}" } }
`,
    },
    { A: 'one', B: 'two' },
  );
  const { text, masked } = await hotTextOf(config);
  assert.ok(masked);
  assert.ok(!text.includes(secret), text);
  assert.doesNotMatch(text, /listen|gone/);
  for (const kept of [/# why: see https:\/\/docs\.example\/configuration-of-upstreams/, /# a\n/, /env:A/])
    assert.match(text, kept);
});

test('of a file that includes others one text is made, in which what they name is named in full', async (t) => {
  const config = await loaded(t, {
    'main.yaml': 'include: [ parts/a.yaml ]\nlisten: 127.0.0.1:0\nqueue: { places: 3 }\n',
    'parts/a.yaml': 'upstreams: { a: { type: openai, url: "http://h", key: "file:key" } }\n',
    'parts/key': `${secret}\n`,
  });
  const { text, masked } = await hotTextOf(config);
  assert.equal(masked, false);
  const again = loadConfig({
    path: config.files[0] ?? '',
    env: {},
    choose: () => ({ text, name: 'version 1', vouched: 'all' }),
  });
  assert.equal(again.id, config.id);
  assert.match(text, /file:\/.*\/parts\/key/);
});

test('what a file says is the same however it is written, and another when one of its secrets is', async (t) => {
  const text = (key: string) => `upstreams: { a: { type: openai, url: "http://h", key: ${key} } }\n`;
  const digestOf = async (file: string) => (await loaded(t, { 'main.yaml': file })).half.fileDigest;
  const first = await digestOf(text(secret));
  assert.equal(await digestOf(`# a comment\nlisten: 127.0.0.1:0\n${text(secret)}`), first);
  assert.notEqual(await digestOf(text(`${secret}0`)), first);
});
