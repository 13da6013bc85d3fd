/** A budget of dollars beside servers whose requests cost nothing: it is told of, until somebody says what is meant. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createPriceBook } from '../wiring/prices.ts';
import { loadConfig } from './load.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-unpriced-'));
after(() => rmSync(folder, { recursive: true }));

interface Written {
  readonly url?: string;
  readonly type?: string;
  readonly prices?: object;
  readonly budgets?: readonly object[];
}

const dollars = { per: 'tenant', usd: 100, window: 'month' };

function load({
  url = 'http://10.0.0.7:4000/v1',
  type = 'openai',
  prices = {},
  budgets = [dollars],
}: Written) {
  const path = join(folder, 'millrace.yaml');
  const models = { m: { targets: [{ upstream: 'proxy', model: 'gpt-4o' }] } };
  writeFileSync(path, JSON.stringify({ upstreams: { proxy: { type, url } }, models, prices, budgets }));
  return loadConfig({ path, env: {} });
}

const price = { inputPerM: 0, outputPerM: 0 };

test('a budget of dollars beside a server of our own without a price is warned of, once', () => {
  for (const url of [
    'http://10.0.0.7:4000',
    'http://litellm:4000',
    'https://llm.corp.internal',
    'http://[::1]:4',
  ]) {
    const { warnings } = load({ url });
    assert.equal(warnings.length, 1, url);
    assert.match(warnings[0] ?? '', /no budget of dollars holds for proxy: .*prices\.unpriced: highest/);
  }
});

test('nobody is warned where there is nothing to fear, or where it was said', () => {
  const silent: readonly Written[] = [
    { budgets: [] },
    { budgets: [{ per: 'tenant', tokens: 5, window: 'month' }] },
    { url: 'https://api.openai.com/v1' },
    { type: 'ollama' },
    { prices: { unpriced: 'free' } },
    { prices: { unpriced: 'highest' } },
    { prices: { proxy: price } },
    { prices: { m: price } },
    { prices: { 'gpt-4o': price } },
    { prices: { 'proxy/gpt-4o': price } },
  ];
  for (const written of silent) assert.deepEqual(load(written).warnings, [], JSON.stringify(written));
});

test('with `unpriced: highest` a server of our own is priced as one of others, unless it has a price', () => {
  const versionOf = (written: Written, targetModel: string) => {
    const { config, id } = load(written);
    const { version } = createPriceBook({ config, id }).tariffOf({
      upstream: 'proxy',
      targetModel,
      model: 'm',
    });
    return version.split(':')[0];
  };
  const highest = { prices: { unpriced: 'highest' } };
  assert.equal(versionOf({}, 'gpt-4o'), 'own');
  assert.equal(versionOf(highest, 'gpt-4o'), 'catalogue');
  assert.equal(versionOf(highest, 'nobody-knows-it'), 'highest');
  assert.equal(versionOf({ ...highest, url: 'http://127.0.0.1:4000' }, 'nobody-knows-it'), 'highest');
  assert.equal(versionOf({ ...highest, type: 'ollama' }, 'nobody-knows-it'), 'own');
  assert.equal(versionOf({ prices: { unpriced: 'highest', proxy: price } }, 'gpt-4o'), 'config');
});
