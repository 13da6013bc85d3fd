import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Crowd, type Member } from './crowd.ts';

interface Named extends Member {
  readonly name: string;
}

const named = (name: string): Named => ({ at: -1, name });

test('whoever came and has not left is there, whatever the order in which the others left', () => {
  const crowd = new Crowd<Named>();
  const all = Array.from({ length: 20 }, (_, index) => named(String(index)));
  for (const member of all) crowd.add(member);
  const there = new Set(all);
  for (const index of [0, 19, 7, 7, 18, 1, 5, 12]) {
    const member = all[index] as Named;
    assert.equal(crowd.delete(member), there.delete(member), `whether ${index} was there`);
    assert.deepEqual(new Set(crowd.members), there);
  }
  for (const member of there) assert.equal(crowd.delete(member), true);
  assert.deepEqual(crowd.members, []);
});

test('who is there already is there once', () => {
  const crowd = new Crowd<Named>();
  const one = named('one');
  crowd.add(one);
  crowd.add(one);
  assert.equal(crowd.members.length, 1);
  crowd.delete(one);
  crowd.add(one);
  assert.deepEqual(crowd.members, [one]);
});
