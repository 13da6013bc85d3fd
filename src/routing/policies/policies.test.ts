import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fleetOf } from '../../../test/known-fleet.ts';
import { createRandom as createNumbers } from '../../engines/simulator/random.ts';
import { createRandom } from './random.ts';
import { policies, policyNames } from './registry.ts';

test('round robin: each in its turn, and of those that are free whoever was chosen longest ago', () => {
  const { choose, chosen } = fleetOf({ a: {}, b: {}, c: {} });
  const policy = policies['round-robin']({ zones: [], affinity: true });
  assert.equal(chosen(policy, 5), 'abcab');
  assert.equal(choose(policy, { free: 'ab' }), 'a', 'c waits for its turn without losing it');
  assert.equal(choose(policy), 'c');
  assert.equal(choose(policy), 'b');
});

test('weighted: shares by weight, spread over time and not in a row', () => {
  const { chosen } = fleetOf({ a: { weight: 4 }, b: { weight: 2 }, c: { weight: 1 } });
  assert.equal(chosen(policies.weighted({ zones: [], affinity: true }), 14), 'abacabaabacaba');
});

test('weighted: over a whole round everybody has its weight, whatever the weights are', () => {
  const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(weights, (drawn) => {
      const { chosen } = fleetOf(Object.fromEntries(drawn.map((weight, index) => [index, { weight }])));
      const names = chosen(
        policies.weighted({ zones: [], affinity: true }),
        3 * drawn.reduce((sum, weight) => sum + weight),
      );
      for (const [index, weight] of drawn.entries()) {
        assert.equal(names.split(String(index)).length - 1, 3 * weight, names);
      }
    }),
  );
});

test('least busy: by the part of the slots in use, and equals in their turn', () => {
  const { facts, choose, chosen } = fleetOf({
    a: { slots: 4, inFlight: 2 },
    b: { slots: 2, inFlight: 1 },
    c: {},
  });
  const policy = policies['least-busy']({ zones: [], affinity: true });
  assert.equal(choose(policy), 'c');
  facts.c.inFlight = 1;
  assert.equal(chosen(policy, 3), 'aba');
  facts.a.inFlight = 3;
  assert.equal(choose(policy), 'b');
});

test('priority: the order in the file, whatever else is known', () => {
  const { choose } = fleetOf({ a: { serviceMs: 900, inFlight: 3, slots: 9 }, b: { serviceMs: 1 } });
  assert.equal(choose(policies.priority({ zones: [], affinity: true })), 'a');
  assert.equal(choose(policies.priority({ zones: [], affinity: true }), { free: 'b' }), 'b');
});

test('random: everybody as often as the others', () => {
  const seed = 11;
  const policy = createRandom(createNumbers(seed));
  const names = fleetOf({ a: {}, b: {}, c: {} }).chosen(policy, 3_000);
  for (const name of 'abc') {
    const times = names.split(name).length - 1;
    assert.ok(times > 900 && times < 1_100, `${name} ${times} times, seed ${seed}`);
  }
});

test('auto: whoever is expected to be done first', () => {
  const { facts, choose } = fleetOf({ a: { serviceMs: 300 }, b: { serviceMs: 100 }, c: { serviceMs: 200 } });
  const policy = policies.auto({ zones: [], affinity: true });
  assert.equal(choose(policy), 'b');
  assert.equal(choose(policy, { free: 'ac' }), 'c');
  facts.b.loadMs = 5_000;
  assert.equal(choose(policy), 'c', 'b would have to load the model first');
});

test('auto: nobody is done sooner for being a little quicker; then the cheapest, and then the least busy', () => {
  const { facts, choose, chosen } = fleetOf({
    a: { serviceMs: 100, slots: 4, inFlight: 1 },
    b: { serviceMs: 110, slots: 4 },
    c: { serviceMs: 120, slots: 4, inFlight: 2, price: 5 },
  });
  const policy = policies.auto({ zones: [], affinity: true });
  assert.equal(choose(policy), 'b');
  facts.a.price = 6;
  facts.b.price = 7;
  assert.equal(choose(policy), 'c');
  for (const name of ['a', 'b', 'c'] as const) Object.assign(facts[name], { inFlight: 1, price: 0 });
  assert.deepEqual([...chosen(policy, 3)].sort(), ['a', 'b', 'c'], 'in turns');
});

test('auto: until times are known, a model that lies wholly on a graphics processor comes first', () => {
  const { facts, choose } = fleetOf({
    a: { gpuShare: 0.5 },
    b: { gpuShare: 0 },
    c: { gpuShare: 1, price: 1 },
    d: {},
  });
  const policy = policies.auto({ zones: [], affinity: true });
  assert.equal(choose(policy, { free: 'abc' }), 'a');
  assert.equal(choose(policy), 'd');
  for (const name of ['a', 'b', 'c', 'd'] as const) facts[name].serviceMs = 100;
  facts.b.serviceMs = 50;
  assert.equal(choose(policy), 'b');
});

test('auto: of those that are as quick and as cheap, each has as much as its weight', () => {
  const { facts, choose } = fleetOf({
    a: { serviceMs: 100, slots: 8 },
    b: { serviceMs: 100, slots: 8, weight: 3 },
    c: { serviceMs: 100, slots: 8, price: 1, weight: 100 },
    d: { serviceMs: 300, slots: 8, weight: 100 },
  });
  const policy = policies.auto({ zones: [], affinity: true });
  const names = Array.from({ length: 4 }, () => {
    const name = choose(policy) as 'a' | 'b';
    facts[name].inFlight = (facts[name].inFlight ?? 0) + 1;
    return name;
  });
  assert.deepEqual([names[0], names.sort().join('')], ['b', 'abbb']);
});

test('auto: who is not known is tried, by one request at a time where others are known', () => {
  const { facts, choose } = fleetOf({ a: { serviceMs: 100, slots: 4 }, b: { slots: 4 } });
  const policy = policies.auto({ zones: [], affinity: true });
  assert.equal(choose(policy), 'b');
  facts.b.inFlight = 1;
  assert.equal(choose(policy), 'a');
  assert.equal(choose(policy, { free: 'b' }), 'b');
});

test('auto: who would have to load the model waits for a busy server that has it, as long as loading takes', () => {
  const { facts, time, choose } = fleetOf({
    a: { serviceMs: 100, inFlight: 1 },
    b: { serviceMs: 100, loadMs: 5_000 },
    c: { serviceMs: 100, loadMs: 8_000 },
  });
  const policy = policies.auto({ zones: [], affinity: true });
  assert.equal(choose(policy, { free: 'bc' }), '');
  assert.equal(choose(policy, { free: 'b' }), '');
  time.nowMs = 5_000;
  assert.equal(choose(policy, { free: 'bc' }), 'b');
  time.nowMs = 0;
  facts.a.mayBeAsked = false;
  assert.equal(choose(policy, { free: 'bc' }), 'b', 'a is busy with what hangs: it may not be asked');
  facts.a.mayBeAsked = true;
  facts.a.inFlight = 0;
  assert.equal(choose(policy, { free: 'bc' }), 'b', 'a is not busy: it may not be asked');
  facts.a.loadMs = 1_000;
  assert.equal(choose(policy), 'a', 'nobody has it');
  facts.a.inFlight = 1;
  assert.equal(choose(policy, { free: 'b' }), 'b', 'a is busy with another model');
  facts.a.isLoading = true;
  assert.equal(choose(policy, { free: 'b' }), '', 'a loads it already');
});

test('every policy: our own zone comes before others, however quick they are', () => {
  const { choose } = fleetOf({
    a: { serviceMs: 10, zone: 'east' },
    b: { serviceMs: 900, zone: 'west' },
    c: { serviceMs: 10 },
  });
  for (const name of policyNames) {
    assert.equal(choose(policies[name]({ zones: ['west'], affinity: true })), 'b', name);
    assert.notEqual(choose(policies[name]({ zones: ['west'], affinity: true }), { free: 'ac' }), '', name);
    assert.notEqual(choose(policies[name]({ zones: ['north'], affinity: true })), '', name);
  }
});

test('every policy: after our own zone the next one that was named, and those that nobody named last and alike', () => {
  const { choose } = fleetOf({
    a: { serviceMs: 10, zone: 'south' },
    b: { serviceMs: 900, zone: 'west' },
    c: { serviceMs: 500, zone: 'east' },
    d: { serviceMs: 10, zone: 'north' },
  });
  for (const name of policyNames) {
    const policy = () => policies[name]({ zones: ['west', 'east', 'north'], affinity: true });
    assert.equal(choose(policy()), 'b', name);
    assert.equal(choose(policy(), { free: 'acd' }), 'c', name);
    assert.equal(choose(policy(), { free: 'ad' }), 'd', name);
    assert.equal(choose(policy(), { free: 'a' }), 'a', name);
  }
});

test('every policy chooses somebody who is free, also when nobody else is there', () => {
  const facts = fc.record({
    inFlight: fc.integer({ min: 0, max: 5 }),
    slots: fc.integer({ min: 1, max: 5 }),
    serviceMs: fc.integer({ min: 0, max: 1_000 }),
    price: fc.constantFrom(0, 3),
    zone: fc.constantFrom('', 'east', 'west'),
    weight: fc.double({ min: 0.1, max: 100, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(facts, { minLength: 1, maxLength: 6 }), fc.nat(), (drawn, prefix) => {
      const { targets, choose } = fleetOf(Object.fromEntries(drawn.map((fact, index) => [index, fact])));
      const given = { zones: ['west'], affinity: true };
      for (const name of policyNames) {
        const policy = policies[name](given);
        for (const { upstream } of targets) {
          assert.equal(choose(policy, { free: upstream.name, prefix }), upstream.name);
          assert.notEqual(choose(policy, { prefix }), '', name);
        }
      }
    }),
  );
});
