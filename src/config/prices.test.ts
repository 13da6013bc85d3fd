/** Prices in the configuration: what may stand there, and what each mistake is told, at its place (G24). */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadConfig } from './load.ts';
import { ConfigError } from './problem.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-prices-'));
after(() => rmSync(folder, { recursive: true }));

const rest = `
upstreams: { gpu-a: { type: ollama } }
models: { gemma: { targets: [ { upstream: gpu-a, model: "gemma2:2b" } ] } }
`;

function load(prices: string) {
  const path = join(folder, 'millrace.yaml');
  writeFileSync(path, prices + rest);
  return loadConfig({ path, env: {} });
}

test('prices of models, of targets, of servers and the premium model may stand beside each other', () => {
  const { config } = load(`prices:
  gemma: { inputPerM: 0.05, outputPerM: 0.1, cachedInputPerM: 0, reasoningPerM: 0.2 }
  gpu-a/gemma2:2b: { inputPerM: 1, outputPerM: 2, longContext: { aboveTokens: 1000, inputPerM: 2, outputPerM: 4 } }
  gpu-a: { monthlyUsd: 300, inputTokensPerSecond: 4000, outputTokensPerSecond: 400, utilisation: 0.3 }
  premium: gpt-4o`);
  assert.equal(config.prices.premium, 'gpt-4o');
  assert.deepEqual(Object.keys(config.prices).sort(), ['gemma', 'gpu-a', 'gpu-a/gemma2:2b', 'premium']);
});

test('the premium model may be one of ours that has a price', () => {
  assert.equal(
    load('prices: { gemma: { inputPerM: 1, outputPerM: 1 }, premium: gemma }').config.prices.premium,
    'gemma',
  );
});

for (const [name, prices, says] of [
  [
    'a price that lacks one half',
    'prices: { gemma: { inputPerM: 1 } }',
    '1:18 prices.gemma.outputPerM: is missing',
  ],
  [
    'a negative price',
    'prices: { gemma: { inputPerM: -1, outputPerM: 1 } }',
    '1:31 prices.gemma.inputPerM: must be at least 0',
  ],
  [
    'a price of one token taken for that of a million',
    'prices: { gemma: { inputPerM: 20000, outputPerM: 1 } }',
    '1:31 prices.gemma.inputPerM: must be at most 10000',
  ],
  [
    'a server priced both ways',
    'prices: { gpu-a: { monthlyUsd: 1, inputPerM: 2, inputTokensPerSecond: 1, outputTokensPerSecond: 1, utilisation: 1 } }',
    '1:46 prices.gpu-a.inputPerM: has no place beside `monthlyUsd`',
  ],
  [
    'the speed of a server beside a price of tokens',
    'prices: { gemma: { inputPerM: 1, outputPerM: 1, utilisation: 1 } }',
    '1:62 prices.gemma.utilisation: needs `monthlyUsd` beside it, and no prices of tokens',
  ],
  [
    'a server without its utilisation',
    'prices: { gpu-a: { monthlyUsd: 1, inputTokensPerSecond: 1, outputTokensPerSecond: 1 } }',
    '1:18 prices.gpu-a.utilisation: is missing',
  ],
  [
    'a server dearer than any',
    'prices: { gpu-a: { monthlyUsd: 10000000, inputTokensPerSecond: 1, outputTokensPerSecond: 1, utilisation: 0.1 } }',
    '1:32 prices.gpu-a.monthlyUsd: comes to more than 10000 US dollars for a million tokens',
  ],
  [
    'the month of something that is no upstream',
    'prices: { gpu-b: { monthlyUsd: 1, inputTokensPerSecond: 1, outputTokensPerSecond: 1, utilisation: 1 } }',
    '1:18 prices.gpu-b: there is no upstream of this name; did you mean `gpu-a`?',
  ],
  [
    'a misspelt premium model of the clouds',
    'prices: { premium: gpt-4o-minni }',
    '1:20 prices.premium: there is no model of this name; did you mean `gpt-4o-mini`?',
  ],
  [
    'a misspelt premium model of ours',
    'prices: { premium: gemmma }',
    '1:20 prices.premium: there is no model of this name; did you mean `gemma`?',
  ],
  [
    'a premium model that has no price',
    'prices: { premium: gemma }',
    '1:20 prices.premium: has no price; give it one, prices: { gemma: { inputPerM, outputPerM } }, or name a model of ' +
      'the clouds',
  ],
  [
    'a price of another service without its rates',
    'prices: { gemma: { inputPerM: 1, outputPerM: 1, flex: { inputPerM: 1 } } }',
    '1:55 prices.gemma.flex.outputPerM: is missing',
  ],
] as const) {
  test(`${name} is refused at its place (G24)`, () => {
    assert.throws(
      () => load(prices),
      (thrown) => {
        assert.ok(thrown instanceof ConfigError);
        const told = thrown.problems.map(
          ({ line, column, path, message, hint }) =>
            `${line}:${column} ${path}: ${message}${hint === undefined ? '' : `; ${hint}`}`,
        );
        assert.deepEqual(told, [says]);
        return true;
      },
    );
  });
}
