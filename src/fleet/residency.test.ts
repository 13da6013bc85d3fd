import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeldClock } from '../../test/held-clock.ts';
import type { Target, Upstream } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';
import type { Ending, ResidentModel } from '../core/fleet.ts';
import { Residency } from './residency.ts';

const server = { name: 'gpu', identity: 'gpu#1', loadsModels: true } as Upstream;
const always = { name: 'cloud', identity: 'cloud#1', loadsModels: false } as Upstream;
const at = (model: string, upstream = server): Target => ({ upstream, model, tier: 1, weight: 1 });
const resident = (name: string, facts: Partial<ResidentModel> = {}): ResidentModel => ({
  name,
  bytes: 1_000,
  gpuBytes: 1_000,
  untilMs: undefined,
  ...facts,
});
const served = (facts: Partial<Ending> = {}): Ending => ({
  outcome: 'served',
  tookMs: 1_000,
  firstContentMs: 100,
  outputTokens: 10,
  cold: false,
  ...facts,
});

function setUp() {
  const clock = createHeldClock();
  const loadedOn: string[] = [];
  const residency = new Residency({ clock, onLoaded: ({ name }) => void loadedOn.push(name) });
  /** One request, as the scheduler tells of it. */
  const serve = (model: string, firstContentMs: number, facts: Partial<Ending> = {}) => {
    const target = at(model);
    const cold = residency.loadMs(target) > 0;
    residency.began(target);
    clock.advance(firstContentMs);
    residency.ended(target, served({ cold, firstContentMs, tookMs: firstContentMs, ...facts }));
  };
  return { clock, residency, serve, loadedOn };
}

test('U18: no load took longer than the request that waited for it, whatever the server says', () => {
  const { residency, serve } = setUp();
  serve('gemma', 2_000, { loadMs: 86_400_000 });
  residency.unloaded(at('gemma'));
  assert.equal(residency.loadMs(at('gemma')), 2_000);
});

test('a server that always has its models is never cold', () => {
  const { residency } = setUp();
  assert.equal(residency.loadMs(at('gpt', always)), 0);
});

test('what a server does not tell is guessed from when it last answered', () => {
  const { clock, residency, serve } = setUp();
  assert.ok(residency.loadMs(at('gemma')) > 0);
  serve('gemma', 100);
  assert.equal(residency.loadMs(at('gemma')), 0);
  clock.advance(271_000);
  assert.ok(residency.loadMs(at('gemma')) > 0, 'servers unload what nobody asks for');
});

test('what a server tells holds, by either name of its latest version', () => {
  const { clock, residency } = setUp();
  residency.told(server, [resident('gemma:latest')], clock.now());
  assert.equal(residency.loadMs(at('gemma')), 0);
  assert.equal(residency.loadMs(at('gemma:latest')), 0);
  clock.advance(1_000_000);
  assert.equal(residency.loadMs(at('gemma')), 0, 'it has not said that it went');
  residency.told(server, [], clock.now());
  assert.ok(residency.loadMs(at('gemma')) > 0);
});

test('an answer that was under way while a model was loaded does not deny that model', () => {
  const { clock, residency, serve } = setUp();
  const askedMs = clock.now();
  serve('gemma', 500);
  residency.told(server, [], askedMs);
  assert.equal(residency.loadMs(at('gemma')), 0);
});

test('the time to load is what a cold first content takes beyond a warm one', () => {
  const { clock, residency, serve } = setUp();
  serve('gemma', 3_200);
  serve('gemma', 200);
  clock.advance(1);
  residency.told(server, [], clock.now());
  assert.equal(residency.loadMs(at('gemma')), 3_000);
  assert.equal(residency.loadMs(at('other')), 3_200, 'the best guess for another is what loads take here');
});

test('the time that a server tells goes before the one that is measured', () => {
  const { clock, residency, serve } = setUp();
  serve('gemma', 9_000, { loadMs: 2_000 });
  clock.advance(1);
  residency.told(server, [], clock.now());
  assert.equal(residency.loadMs(at('gemma')), 2_000);
});

test('what is being loaded will be there sooner', () => {
  const { clock, residency, serve } = setUp();
  serve('gemma', 9_000, { loadMs: 2_000 });
  clock.advance(1);
  residency.told(server, [], clock.now());
  residency.began(at('gemma'));
  clock.advance(1_500);
  assert.equal(residency.loadMs(at('gemma')), 500);
  clock.advance(5_000);
  assert.equal(residency.loadMs(at('gemma')), 1, 'not there before it has answered');
});

test('requests that waited for one load together count one', () => {
  const { clock, residency, loadedOn } = setUp();
  residency.began(at('gemma'));
  residency.began(at('gemma'));
  clock.advance(2_000);
  const ending = served({ cold: true, tookMs: 2_000, firstContentMs: 1_900, loadMs: 1_800 });
  residency.ended(at('gemma'), ending);
  residency.ended(at('gemma'), ending);
  assert.deepEqual(residency.counts(server), { loads: 1, loadMs: 1_800, evictions: 0, resident: 1 });
  assert.deepEqual(loadedOn, ['gpu']);
});

test('a request that failed without a word has loaded nothing', () => {
  const { residency } = setUp();
  residency.began(at('gemma'));
  const outcome = fail('connect_failed', 'nobody is there');
  residency.ended(at('gemma'), served({ outcome, cold: true, firstContentMs: 0 }));
  assert.ok(residency.loadMs(at('gemma')) > 0);
  assert.equal(residency.counts(server).loads, 0);
});

test('whoever leaves while others wait for a load takes the load from none of them', () => {
  const { clock, residency, serve } = setUp();
  serve('gemma', 9_000, { loadMs: 90_000, tookMs: 90_000 });
  clock.advance(1);
  residency.told(server, [], clock.now());
  for (let count = 0; count < 2; count += 1) assert.equal(residency.began(at('gemma')), true);
  // Servers list what they load.
  residency.told(server, [resident('gemma')], clock.now());
  clock.advance(30_000);
  residency.ended(at('gemma'), served({ outcome: 'left', cold: true, firstContentMs: 0 }));
  assert.deepEqual([residency.loadMs(at('gemma')), residency.isPlaced(at('gemma'))], [60_000, true]);
  assert.equal(
    residency.began(at('gemma')),
    true,
    'who comes now waits for it as well, and has the time for that',
  );
  for (let count = 0; count < 2; count += 1)
    residency.ended(at('gemma'), served({ outcome: 'left', cold: true, firstContentMs: 0 }));
  residency.told(server, [], clock.now());
  assert.deepEqual([residency.loadMs(at('gemma')), residency.isPlaced(at('gemma'))], [90_000, false]);
});

test('how many models fit is learnt from one that had to make room', () => {
  const { clock, residency, serve } = setUp();
  const tell = (...names: string[]) =>
    residency.told(
      server,
      names.map((name) => resident(name)),
      clock.now(),
    );
  serve('one', 100);
  serve('two', 100);
  tell('one', 'two');
  assert.deepEqual(residency.evictedBy(at('three')), [], 'nothing has shown a limit yet');
  clock.advance(1_000);
  serve('three', 100);
  tell('two', 'three');
  assert.equal(residency.counts(server).evictions, 1);
  assert.deepEqual(residency.evictedBy(at('four')), ['two'], 'used longest ago');
  assert.deepEqual(residency.evictedBy(at('three')), [], 'it is there');
  residency.began(at('four'));
  assert.ok(residency.loadMs(at('two')) > 0, 'it is on its way out');
  tell('two', 'three', 'four');
  assert.equal(residency.loadMs(at('two')), 0, 'it stayed: more fit than was thought');
  assert.deepEqual(residency.evictedBy(at('five')), ['two']);
});

test('a model that went by itself was not evicted', () => {
  const { clock, residency, serve } = setUp();
  serve('one', 100);
  clock.advance(1);
  residency.told(server, [], clock.now());
  assert.equal(residency.counts(server).evictions, 0);
});

test('a server that puts off the end of a model has been used, whoever asked it', () => {
  const { clock, residency } = setUp();
  residency.told(server, [resident('gemma', { untilMs: 5_000 })], clock.now());
  clock.advance(1_000);
  residency.told(server, [resident('gemma', { untilMs: 5_000 })], clock.now());
  assert.equal(residency.find(at('gemma'))?.usedMs, 0);
  residency.told(server, [resident('gemma', { untilMs: 6_000 })], clock.now());
  assert.equal(residency.find(at('gemma'))?.usedMs, 1_000);
});

test('what was learnt of a server goes with its last configuration', () => {
  const { clock, residency } = setUp();
  residency.told(server, [resident('gemma')], clock.now());
  residency.keepOnly([server]);
  assert.equal(residency.loadMs(at('gemma')), 0);
  residency.keepOnly([]);
  assert.ok(residency.loadMs(at('gemma')) > 0);
});

test('names that clients make up take a bounded place', () => {
  const { residency, serve } = setUp();
  for (let count = 0; count < 1_500; count += 1) serve(`model-${count}`, 1);
  assert.ok(residency.holds(server).length <= 1_000);
});

test('who asks for a model that cannot be loaded makes no other look as if it were on its way out', () => {
  const { clock, residency } = setUp();
  residency.told(server, [resident('one')], clock.now());
  clock.advance(1);
  residency.began(at('two'));
  residency.ended(at('two'), served({ cold: true }));
  residency.told(server, [resident('two')], clock.now());
  assert.equal(residency.loadMs(at('two')), 0);
  residency.began(at('too-large'));
  assert.ok(residency.loadMs(at('two')) > 0, 'it may be making room');
  residency.ended(
    at('too-large'),
    served({ outcome: fail('upstream_failed', 'no'), cold: true, firstContentMs: 0 }),
  );
  assert.equal(residency.loadMs(at('two')), 0);
});
