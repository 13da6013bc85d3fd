import assert from 'node:assert/strict';
import { test } from 'node:test';
import { targetOn, upstreamOf } from '../../test/targets.ts';
import type { Upstream } from '../core/exchange.ts';
import { defaultClocks } from './clocks.ts';
import { ModelTable } from './model-table.ts';
import { createRoundRobin } from './policies/round-robin.ts';

const a = upstreamOf('a');
const b = upstreamOf('b');
const quick = { ...defaultClocks, totalMs: 1_000 };

function rig(offered: Readonly<Record<string, readonly string[]>>) {
  const offers = {
    version: 1,
    now: offered,
    of: (upstream: Upstream) => offers.now[upstream.name] ?? [],
    hasHeard: (upstream: Upstream) => offers.now[upstream.name] !== undefined,
  };
  const table = new ModelTable({
    models: new Map([['gemma', { targets: [targetOn(b)], clocks: quick, policy: createRoundRobin() }]]),
    upstreams: [a, b],
    offers,
    createPolicy: createRoundRobin,
    defaultClocks,
    defaultModel: 'gemma',
  });
  const targets = (name: string) =>
    table.find(name)?.targets.map(({ upstream, model }) => `${upstream.name}:${model}`);
  return { offers, table, targets };
}

test('what the operator lists comes before what upstreams offer under the same name', () => {
  const { table, targets } = rig({ a: ['gemma'] });
  assert.deepEqual(targets('gemma'), ['b:b-model']);
  assert.equal(table.find('gemma')?.clocks, quick);
});

test('a model that several upstreams offer has them all, and the default clocks', () => {
  const { table, targets } = rig({ a: ['llama'], b: ['other', 'llama'] });
  assert.deepEqual(targets('llama'), ['a:llama', 'b:llama']);
  assert.equal(table.find('llama')?.clocks, defaultClocks);
});

test('`upstream/model` means that upstream alone, and a model may have a slash itself', () => {
  const { targets } = rig({ a: ['llama', 'org/llama'], b: ['llama', 'a/llama'] });
  assert.deepEqual(targets('b/llama'), ['b:llama']);
  assert.deepEqual(targets('a/org/llama'), ['a:org/llama']);
  assert.deepEqual(targets('org/llama'), ['a:org/llama']);
  assert.deepEqual(targets('a/llama'), ['a:llama', 'b:a/llama']);
});

test('a name without a tag means `latest`, never another tag', () => {
  const { targets } = rig({ a: ['llama:latest'], b: ['llama:8b'] });
  assert.deepEqual(targets('llama'), ['a:llama:latest']);
  assert.deepEqual(targets('b/llama:8b'), ['b:llama:8b']);
  assert.equal(targets('b/llama'), undefined);
});

test('`upstream/model` reaches an upstream that told of no models yet, or tells of none ever', () => {
  for (const offered of [{ a: ['llama'] }, { a: ['llama'], b: [] }]) {
    const { targets } = rig(offered);
    assert.deepEqual(targets('b/llama'), ['b:llama']);
    assert.deepEqual(targets('b/org/llama:8b'), ['b:org/llama:8b']);
    for (const name of ['b/', 'b', 'c/llama', 'a/other']) assert.equal(targets(name), undefined, name);
  }
});

test('an unknown name is an outage as long as somebody has never told, and a mistake once all have', () => {
  const early = rig({ a: ['llama'] }).table;
  const unheard = early.missing('lama');
  assert.equal(unheard.code, 'no_upstream');
  assert.match(unheard.message, /"lama" is not known yet: b did not tell.*did you mean llama\?/);
  assert.equal(unheard.retryAfterS, 5);
  assert.equal(early.missing('a/llama2').code, 'no_upstream', 'b may have a model that is called so');
  assert.equal(
    early.missing('lama', [a]).code,
    'model_not_found',
    'whoever cannot have it is not waited for',
  );
  const told = rig({ a: [], b: ['llama'] }).table;
  assert.equal(told.missing('lama').code, 'model_not_found');
  assert.throws(() => told.require('lama'), told.missing('lama'));
  assert.equal(told.require('llama').name, 'llama');
});

test('a policy goes on between requests, and a changed offer is known at once', () => {
  const { offers, table, targets } = rig({ a: ['llama'], b: ['llama'] });
  assert.equal(table.find('llama')?.policy, table.find('llama')?.policy);
  offers.now = { b: ['llama'] };
  offers.version += 1;
  assert.deepEqual(targets('llama'), ['b:llama']);
  offers.now = {};
  offers.version += 1;
  assert.equal(targets('llama'), undefined);
});

test('names are those of the list and of the offers, each once; close ones are named for a mistake', () => {
  const { table } = rig({ a: ['llama', 'gemma'], b: ['llama'] });
  assert.deepEqual([...table.names()].sort(), ['gemma', 'llama']);
  assert.match(table.missing('gema').message, /; did you mean gemma\?$/);
  assert.doesNotMatch(table.missing('something-else-entirely').message, /did you mean/);
});

test('names that objects have by birth are no models', () => {
  const { targets } = rig({});
  for (const name of ['__proto__', 'constructor', 'toString', '']) assert.equal(targets(name), undefined);
});
