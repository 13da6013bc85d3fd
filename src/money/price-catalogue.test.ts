import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createRates } from './price.ts';
import { parsePriceCatalogue, readPriceCatalogue } from './price-catalogue.ts';

const small = parsePriceCatalogue(`# A comment.
version 2026-01-02
provider one api.one.example *.eu.one.example
big max=900 in=10 out=20 cached=1 write=12 reason=30 batch in=5 out=10 priority in=20 out=50 cached=2 >1000 in=20 out=40 batch in=10 out=20
same max=70 in=1 out=2
provider two two.example
org/same in=3 out=3
same max=50 in=2 out=2 >5000 in=4 out=4
`);

test('a line says everything of a price: rates, those of other services, and where a long context begins', () => {
  assert.deepEqual(small.find('big', 'api.one.example'), [
    {
      aboveTokens: 0,
      rates: createRates({
        inputPerM: 10,
        outputPerM: 20,
        cachedInputPerM: 1,
        cacheWritePerM: 12,
        reasoningPerM: 30,
      }),
      services: {
        batch: createRates({ inputPerM: 5, outputPerM: 10 }),
        priority: createRates({ inputPerM: 20, outputPerM: 50, cachedInputPerM: 2 }),
      },
    },
    {
      aboveTokens: 1_000,
      rates: createRates({ inputPerM: 20, outputPerM: 40 }),
      services: { batch: createRates({ inputPerM: 10, outputPerM: 20 }) },
    },
  ]);
  assert.equal(small.version, '2026-01-02');
});

test('a model is looked for at its provider, and elsewhere at all: the dearest of its name holds', () => {
  const input = (model: string, host?: string) => small.find(model, host)?.[0].rates.input;
  assert.equal(input('same', 'api.one.example'), 1_000_000);
  assert.equal(input('same', 'x.eu.one.example'), 1_000_000);
  assert.equal(input('same', 'two.example'), 2_000_000);
  assert.equal(input('same', 'api-one.example'), 2_000_000);
  assert.equal(input('same'), 2_000_000);
  assert.equal(input('org/same'), 3_000_000);
  assert.equal(input('models/same', 'api.one.example'), 1_000_000);
  assert.equal(input('big', 'two.example'), undefined);
  assert.equal(input('constructor'), undefined);
});

test('how long an answer may be asked for is told of a model: the shortest of its name where nobody knows the provider', () => {
  assert.equal(small.answerTokensMax('big', 'api.one.example'), 900);
  assert.equal(small.answerTokensMax('same', 'api.one.example'), 70);
  assert.equal(small.answerTokensMax('same'), 50);
  assert.equal(small.answerTokensMax('org/same'), undefined);
  assert.equal(readPriceCatalogue().answerTokensMax('gpt-4o', 'api.openai.com'), 16_384);
});

test('the highest price is the highest of each kind: of a provider that is known, else of all', () => {
  assert.equal(small.highest('two.example')[0].rates.output, 4_000_000);
  const { input, output, reasoning } = small.highest('nobody.example')[0].rates;
  assert.deepEqual([input, output, reasoning], [20_000_000, 40_000_000, 40_000_000]);
  const { services } = small.highest('nobody.example')[0];
  assert.equal(services?.priority?.output, 50_000_000, 'however it is served');
});

const text = readFileSync(new URL('catalogue.txt', import.meta.url), 'utf8');
const lines = text.trimEnd().split('\n');

test('the catalogue that comes along is dated, sorted, and says a price in every line', () => {
  assert.match(lines[2] ?? '', /^version \d{4}-\d\d-\d\d$/);
  const number = String.raw`\d+(?:\.\d+)?`;
  const rates = `in=${number} out=${number}(?: (?:cached|write|reason)=${number})*`;
  const tier = `${rates}(?: batch ${rates})?(?: flex ${rates})?(?: priority ${rates})?`;
  const model = new RegExp(String.raw`^\S+(?: max=[1-9]\d*)? ${tier}(?: >\d+ ${tier})*$`);
  const provider = /^provider [a-z0-9]+(?: [a-z0-9.*-]+)+$/;
  let before = '';
  let providerBefore = '';
  for (const line of lines.slice(3)) {
    const [name = '', second = ''] = line.split(' ');
    if (name === 'provider') {
      assert.match(line, provider);
      assert.ok(second > providerBefore, line);
      [providerBefore, before] = [second, ''];
      continue;
    }
    assert.match(line, model);
    assert.ok(name > before, line);
    before = name;
  }
});

test('no price of the catalogue is zero, and all keep to the bound of prices', () => {
  const catalogue = readPriceCatalogue();
  for (const name of catalogue.names()) {
    const { input, output } = catalogue.find(name)?.[0].rates ?? { input: 0, output: 0 };
    assert.ok(input + output > 0 && input + output <= 1_000_000_000, `${name} ${input} ${output}`);
  }
});
