import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fleetOf } from '../../test/known-fleet.ts';
import { createRandom } from '../engines/simulator/random.ts';
import { policies } from './policies/registry.ts';

const prefixes = Array.from({ length: 3_000 }, (_, index) => Math.imul(index + 1, 0x9e3779b1) >>> 0);
const fourSlots = { slots: 4, serviceMs: 100 };

test('a conversation stays where it is, and all servers have about as many', () => {
  const { choose } = fleetOf({ a: fourSlots, b: fourSlots, c: fourSlots });
  const policy = policies.auto({ zones: [], affinity: true });
  const owners = prefixes.map((prefix) => choose(policy, { prefix }));
  assert.deepEqual(
    prefixes.map((prefix) => choose(policy, { prefix })),
    owners,
  );
  for (const name of 'abc') {
    const share = owners.filter((owner) => owner === name).length / owners.length;
    assert.ok(share > 0.3 && share < 0.37, `${name} has ${share}`);
  }
});

test('when a server goes only its conversations move, and when one comes only to it', () => {
  const { choose } = fleetOf({ a: fourSlots, b: fourSlots, c: fourSlots });
  const policy = policies.auto({ zones: [], affinity: true });
  for (const prefix of prefixes) {
    const owner = choose(policy, { prefix });
    const without = choose(policy, { prefix, free: 'ab' });
    if (owner !== 'c') assert.equal(without, owner);
  }
});

test('nobody is followed who has been more than 1.15 times as busy as all of them', () => {
  const { facts, choose } = fleetOf({ a: { ...fourSlots }, b: { ...fourSlots }, c: { ...fourSlots } });
  const policy = policies.auto({ zones: [], affinity: true });
  const prefix = prefixes.find((candidate) => choose(policy, { prefix: candidate }) === 'a') ?? 0;
  Object.assign(facts.a, { inFlight: 3 });
  Object.assign(facts.b, { inFlight: 2 });
  Object.assign(facts.c, { inFlight: 3 });
  for (let request = 0; request < 200; request += 1) assert.equal(choose(policy, { prefix }), 'a');
  Object.assign(facts.c, { inFlight: 0 });
  const later = Array.from({ length: 200 }, () => choose(policy, { prefix }));
  assert.equal(later[0], 'a', 'a moment is chance');
  assert.notEqual(later.at(-1), 'a');
});

test('one hot conversation does not make its server the busy one', () => {
  const seed = 5;
  const random = createRandom(seed);
  const { facts, choose } = fleetOf({ a: { ...fourSlots }, b: { ...fourSlots }, c: { ...fourSlots } });
  const policy = policies.auto({ zones: [], affinity: true });
  const names = ['a', 'b', 'c'] as const;
  const under: (typeof names)[number][] = [];
  const sum = { a: 0, b: 0, c: 0 };
  for (let request = 0; request < 5_000; request += 1) {
    const free = names.filter((name) => (facts[name].inFlight ?? 0) < 4).join('');
    const name = choose(policy, { prefix: random() < 0.8 ? 1 : Math.floor(random() * 2 ** 32), free }) as 'a';
    facts[name].inFlight = (facts[name].inFlight ?? 0) + 1;
    under.push(name);
    if (under.length > 8) {
      const [ended = 'a'] = under.splice(Math.floor(random() * under.length), 1);
      facts[ended].inFlight = (facts[ended].inFlight ?? 0) - 1;
    }
    for (const each of names) sum[each] += facts[each].inFlight ?? 0;
  }
  const busiest = Math.max(...Object.values(sum)) / ((sum.a + sum.b + sum.c) / 3);
  assert.ok(busiest <= 1.25, `the busiest has ${busiest} times the mean, seed ${seed}`);
});

test('what a server remembers is worth a factor of two, and no more', () => {
  const { facts, choose } = fleetOf({ a: { ...fourSlots }, b: { ...fourSlots } });
  const policy = policies.auto({ zones: [], affinity: true });
  const prefix = prefixes.find((candidate) => choose(policy, { prefix: candidate }) === 'b') ?? 0;
  facts.a.serviceMs = 60;
  assert.equal(choose(policy, { prefix }), 'b');
  assert.equal(choose(policy), 'a');
  facts.a.serviceMs = 30;
  assert.equal(choose(policy, { prefix }), 'a');
});
