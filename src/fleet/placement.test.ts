import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Target, Upstream } from '../core/exchange.ts';
import { type Place, type PlacedModel, Placement } from './placement.ts';

const secondMs = 1_000;
const at = (name: string): Target => ({
  upstream: { name, identity: name } as Upstream,
  model: 'gemma',
  tier: 1,
  weight: 1,
});
const place = (name: string, facts: Partial<Place> = {}): Place => ({
  target: at(name),
  isResident: false,
  inFlight: 0,
  slots: 4,
  idleMs: 0,
  bytes: undefined,
  freeBytes: undefined,
  evicts: 0,
  evictsNeeded: false,
  ...facts,
});
const model = (facts: Partial<PlacedModel>): PlacedModel => ({
  name: 'gemma',
  min: 0,
  max: 3,
  demand: 0,
  places: [],
  ...facts,
});
const next = (facts: Partial<PlacedModel>) => {
  const step = new Placement().next([model(facts)], 0);
  return step === undefined ? 'nothing' : `${step.kind} ${step.target.upstream.name}`;
};

test('copies below the least are loaded whether somebody asks or not', () => {
  assert.equal(next({ min: 1, places: [place('a')] }), 'load a');
  assert.equal(next({ min: 1, places: [place('a', { isResident: true })] }), 'nothing');
});

test('a copy is added where those there are are busy, and never beyond the most', () => {
  const places = [place('a', { isResident: true, inFlight: 4 }), place('b')];
  assert.equal(next({ demand: 4, places }), 'load b');
  assert.equal(next({ demand: 3, places }), 'nothing');
  assert.equal(next({ demand: 40, max: 1, places }), 'nothing');
});

test('a copy goes where it fits, and not where another is needed', () => {
  const full = place('full', { bytes: 10, freeBytes: 9 });
  const needed = place('needed', { evicts: 1, evictsNeeded: true });
  const evicting = place('evicting', { evicts: 1 });
  assert.equal(next({ min: 1, places: [full, needed] }), 'nothing');
  assert.equal(next({ min: 1, places: [full, needed, evicting] }), 'load evicting');
  assert.equal(next({ min: 1, places: [full, evicting, place('free')] }), 'load free');
});

test('a copy that works is never unloaded, nor the last one that somebody uses', () => {
  const one = place('a', { isResident: true, idleMs: 5 });
  const two = place('b', { isResident: true, idleMs: 9 });
  assert.equal(next({ demand: 1, places: [one, two] }), 'unload b', 'the one that is missed least');
  const working = { ...two, inFlight: 1 };
  assert.equal(next({ demand: 1, places: [one, working] }), 'unload a');
  assert.equal(next({ demand: 1, places: [{ ...one, inFlight: 1 }, working] }), 'nothing');
  assert.equal(next({ demand: 1, places: [one] }), 'nothing');
  assert.equal(next({ demand: 0, places: [one] }), 'unload a', 'nobody uses it');
  assert.equal(next({ demand: 0, min: 1, places: [one] }), 'nothing');
});

test('more copies than the most are taken away, busy or not', () => {
  const three = ['a', 'b', 'c'].map((name) => place(name, { isResident: true, slots: 1 }));
  assert.equal(next({ demand: 3, max: 2, places: three }), 'unload a');
});

/** Requests at a time: quiet nights, a working day with a peak at noon, and a burst of ten seconds at three at night. */
function demandAt(minute: number): number {
  const hour = minute / 60;
  if (hour >= 3 && hour < 3 + 10 / 3600) return 12;
  if (hour < 8 || hour >= 18) return 0;
  return 10 * Math.sin(((hour - 8) / 10) * Math.PI);
}

test('over a day copies follow the demand within their bounds, one change at a time and never to and fro', () => {
  const placement = new Placement();
  const names = ['a', 'b', 'c', 'd'];
  const resident = new Set(['a']);
  const changes: { atS: number; copies: number }[] = [];
  let shortS = 0;
  for (let atS = 0; atS < 24 * 3600; atS += 10) {
    const demand = demandAt(atS / 60);
    const room = resident.size * 4;
    // Beginning to be short is how demand is noticed; staying short is a mistake.
    shortS = demand > room && resident.size < 3 ? shortS + 10 : 0;
    assert.ok(shortS <= 180, `short for ${shortS} s at ${atS}`);
    const places = names.map((name, index) => {
      const share = [...resident].indexOf(name);
      const inFlight = share < 0 ? 0 : Math.max(0, Math.min(4, Math.round(demand) - share * 4));
      return place(name, { isResident: resident.has(name), inFlight, idleMs: index });
    });
    const step = placement.next([model({ min: 1, max: 3, demand, places })], atS * secondMs);
    if (step === undefined) continue;
    placement.took(step, atS * secondMs);
    const { name } = step.target.upstream;
    if (step.kind === 'load') resident.add(name);
    else resident.delete(name);
    changes.push({ atS, copies: resident.size });
    assert.ok(resident.size >= 1 && resident.size <= 3);
  }
  assert.deepEqual(
    changes.map(({ copies }) => copies),
    [2, 3, 2, 1],
    'up in the morning and down in the evening, once each',
  );
  assert.ok(
    changes.every(({ atS }) => atS > 8 * 3600),
    'a burst of seconds loads nothing',
  );
});
