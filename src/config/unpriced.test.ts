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
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly prices?: object;
  readonly budgets?: readonly object[];
}

const dollars = { per: 'tenant', usd: 100, window: 'month' };

function load({
  url = 'http://10.0.0.7:4000/v1',
  type = 'openai',
  prices = {},
  budgets = [dollars],
  key,
  headers,
}: Written) {
  const path = join(folder, 'millrace.yaml');
  const models = { m: { targets: [{ upstream: 'proxy', model: 'gpt-4o' }] } };
  const proxy = { type, url, key, headers };
  writeFileSync(path, JSON.stringify({ upstreams: { proxy }, models, prices, budgets }));
  return loadConfig({ path, env: { KEY: 'sk-of-somebody-who-sends-bills' } });
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

const keyed = { key: 'env:KEY' };

test('whoever is asked with a key and has no price costs the highest, and it is told what to write', () => {
  for (const url of ['http://10.0.0.7:4000', 'http://litellm:4000', 'http://127.0.0.1:4000']) {
    for (const budgets of [[dollars], []]) {
      const { warnings } = load({ ...keyed, url, budgets });
      assert.equal(warnings.length, 1, url);
      assert.match(
        warnings[0] ?? '',
        /^what is asked of proxy costs the highest price there is: .* with a key/,
      );
      assert.match(
        warnings[0] ?? '',
        /prices: \{ proxy: \{ inputPerM: 0, outputPerM: 0 \} \}.*monthlyUsd.*unpriced: free/,
      );
    }
  }
  const month = { monthlyUsd: 9, inputTokensPerSecond: 1, outputTokensPerSecond: 1, utilisation: 1 };
  for (const prices of [
    { unpriced: 'free' },
    { unpriced: 'highest' },
    { proxy: price },
    { proxy: month },
    { m: price },
  ]) {
    assert.deepEqual(load({ ...keyed, prices }).warnings, [], JSON.stringify(prices));
  }
});

function tariffOf(written: Written, targetModel: string) {
  const { config, id } = load(written);
  return createPriceBook({ config, id }).tariffOf({ upstream: 'proxy', targetModel, model: 'm' });
}

const versionOf = (written: Written, targetModel: string) =>
  tariffOf(written, targetModel).version.split(':')[0];

test('with a key a server at an address of our own is priced as one of others, without one it is ours', () => {
  assert.equal(versionOf({}, 'nobody-knows-it'), 'own');
  assert.equal(versionOf(keyed, 'gpt-4o'), 'catalogue');
  assert.equal(versionOf(keyed, 'nobody-knows-it'), 'highest');
  assert.equal(versionOf({ headers: { 'X-Api-Key': 'env:KEY' } }, 'nobody-knows-it'), 'highest');
  assert.equal(versionOf({ headers: { 'x-team': 'env:KEY' } }, 'nobody-knows-it'), 'own');
  assert.equal(versionOf({ ...keyed, url: 'http://127.0.0.1:4000' }, 'nobody-knows-it'), 'highest');
  assert.equal(versionOf({ ...keyed, type: 'ollama' }, 'nobody-knows-it'), 'own');
  assert.equal(versionOf({ ...keyed, prices: { unpriced: 'free' } }, 'nobody-knows-it'), 'own');
  // What its targets cost says nothing of what else is asked of it by its own name.
  assert.equal(versionOf({ ...keyed, prices: { 'gpt-4o': price } }, 'nobody-knows-it'), 'highest');
  const priced = tariffOf({ ...keyed, prices: { proxy: price } }, 'nobody-knows-it');
  assert.deepEqual([priced.version.split(':')[0], priced.savedBy], ['config', 'self-hosting']);
});

test('with `unpriced: highest` a server of our own is priced as one of others, unless it has a price', () => {
  const highest = { prices: { unpriced: 'highest' } };
  assert.equal(versionOf({}, 'gpt-4o'), 'own');
  assert.equal(versionOf(highest, 'gpt-4o'), 'catalogue');
  assert.equal(versionOf(highest, 'nobody-knows-it'), 'highest');
  assert.equal(versionOf({ ...highest, url: 'http://127.0.0.1:4000' }, 'nobody-knows-it'), 'highest');
  assert.equal(versionOf({ ...highest, type: 'ollama' }, 'nobody-knows-it'), 'own');
  assert.equal(versionOf({ prices: { unpriced: 'highest', proxy: price } }, 'gpt-4o'), 'config');
});
