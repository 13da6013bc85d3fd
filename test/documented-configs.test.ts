/** Every piece of configuration in the documents is one that a gateway takes: copied out, it may only lack what stands around it there. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadConfig } from '../src/config/load.ts';
import { ConfigError, formatProblem } from '../src/config/problem.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-documented-'));
after(() => rmSync(folder, { recursive: true }));

const pages = ['README.md', ...readdirSync('docs').filter((name) => name.endsWith('.md'))].map((name) =>
  name === 'README.md' ? name : join('docs', name),
);

/** What a reader has and this machine has not: upstreams of his own, files and servers with secrets. */
const left = [
  /there is no upstream of this name/,
  /\/run\/secrets\/\S+ does not exist/,
  /only `env:` and `file:` can be used here/,
];

/** As strong as each has to be. */
function environmentFor(yaml: string): Record<string, string> {
  const value = (name: string) => {
    if (name.endsWith('STORE')) return 'postgres://millrace:a-password@database/millrace';
    if (name.endsWith('SHARED')) return 'redis://:a-password@cache:6379';
    if (name.endsWith('_URL')) return 'https://hooks.example.com/a-hook';
    return `${name === 'ALERT_SECRET' ? 'whsec_' : ''}${randomBytes(32).toString('base64')}`;
  };
  return Object.fromEntries([...yaml.matchAll(/env:(\w+)/g)].map(([, name = '']) => [name, value(name)]));
}

function problemsOf(yaml: string): readonly string[] {
  const file = join(folder, 'millrace.yaml');
  writeFileSync(file, yaml);
  try {
    loadConfig({ path: file, env: environmentFor(yaml) });
    return [];
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    return thrown.problems.map(formatProblem).filter((problem) => !left.some((known) => known.test(problem)));
  }
}

for (const page of pages) {
  const pieces = [...readFileSync(page, 'utf8').matchAll(/^```yaml\n(.*?)^```/gms)].map(
    ([, yaml = '']) => yaml,
  );
  if (pieces.length === 0) continue;
  test(`a gateway takes the configurations of ${page}`, () => {
    for (const yaml of pieces) assert.deepEqual(problemsOf(yaml), [], yaml);
  });
}
