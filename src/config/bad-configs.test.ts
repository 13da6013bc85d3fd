/** Configurations that must be refused: each at its line and column, in words that say what to do (G24, P9, P11). */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { badAlerts } from './fixtures/bad-alerts.ts';
import { badConfigs } from './fixtures/bad-configs.ts';
import { badListeners } from './fixtures/bad-listeners.ts';
import { loadConfig } from './load.ts';
import { ConfigError, type Problem } from './problem.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-bad-config-'));
after(() => rmSync(folder, { recursive: true }));

for (const bad of [...badConfigs, ...badListeners, ...badAlerts]) {
  test(`${bad.name} is refused at its place (G24, P9, P11)`, () => {
    const file = join(folder, 'bad.yaml');
    writeFileSync(file, typeof bad.text === 'string' ? bad.text.replaceAll('FILE', file) : bad.text);
    const { problems, message } = refusalOf(file, bad.env ?? {});
    assert.deepEqual(
      problems.map((problem) => inShort(problem, file)),
      bad.says,
    );
    assert.doesNotMatch(message, /canary/);
  });
}

test('a hundred thousand brackets are refused once, in bounded time (P9)', () => {
  const file = join(folder, 'brackets.yaml');
  writeFileSync(file, '['.repeat(100_000));
  const { problems } = refusalOf(file, {});
  assert.deepEqual(
    problems.map(({ line, message }) => `${line} ${message}`),
    ['1 this is nested too deeply'],
  );
});

test('every problem of a file is shown at once, from top to bottom (P11)', () => {
  const file = join(folder, 'many.yaml');
  const lines = [
    'listen: nowhere',
    'auth: jwt',
    'tools: {}',
    'keys:',
    '  - { name: a, key: changeme }',
    '  - { name: b }',
    'upstreams:',
    '  a: { type: simulator, slot: 3 }',
    '  b: { type: openai, url: ftp://h }',
    'models:',
    '  m: { targets: [ { upstream: c, model: x }, { upstream: a } ] }',
    'defaultModel: other',
  ];
  writeFileSync(file, lines.join('\n'));
  assert.deepEqual(
    refusalOf(file, {}).problems.map(({ line, path }) => `${line} ${path}`),
    [
      '1 listen.address',
      '2 auth',
      '3 ',
      '5 keys[0].key',
      '6 keys[1].key',
      '8 upstreams.a',
      '9 upstreams.b.url',
      '11 models.m.targets[0].upstream',
      '11 models.m.targets[1].model',
      '12 defaultModel',
    ],
  );
});

function refusalOf(path: string, env: Readonly<Record<string, string>>): ConfigError {
  try {
    loadConfig({ path, env });
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error;
  }
  return assert.fail('it was accepted');
}

function inShort({ file, line, column, path, message, hint }: Problem, main: string): string {
  assert.equal(file, main);
  const text = `${line}:${column} ${path === '' ? '' : `${path}: `}${message}${hint === undefined ? '' : `; ${hint}`}`;
  return text.replaceAll(main, 'FILE').replaceAll(folder, 'FOLDER');
}
