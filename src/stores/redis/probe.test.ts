import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const script = /redis\.p?call\('(\w+)'/g;
const direct = /\.call\(\['(\w+)'/g;

function commandsIn(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, command = '']) => command.toUpperCase());
}

test('the probe does whatever the drivers do: what it may, they may', () => {
  const probed = new Set(commandsIn(readFileSync('src/stores/redis/probe.ts', 'utf8'), script));
  const used = globSync('src/stores/redis/*.ts')
    .filter((file) => !file.endsWith('.test.ts'))
    .map((file) => readFileSync(file, 'utf8'))
    .flatMap((text) => [...commandsIn(text, script), ...commandsIn(text, direct)]);
  assert.ok(used.length > 30);
  assert.deepEqual([...new Set(used.filter((command) => !probed.has(command)))], []);
});
