import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Places } from './places.ts';

interface One {
  readonly name: string;
  readonly party: string;
  readonly bytes: number;
}

function rig(bounds: { places: number; bytes: number }) {
  const places = new Places<One>(bounds);
  const add = (party: string, count: number, bytes = 1) => {
    for (let at = 1; at <= count; at += 1) places.add({ name: `${party}${at}`, party, bytes });
  };
  const roomFor = (party: string, bytes = 1) => {
    const room = places.roomFor({ party, bytes });
    return typeof room === 'string' ? room : room.map(({ name }) => name).join(' ');
  };
  return { places, add, roomFor };
}

test('C9, G14: where all places are taken the newest of whoever holds most gives way to a light one, and to nobody else', () => {
  const { add, roomFor } = rig({ places: 10, bytes: 100 });
  add('flood', 7);
  add('light', 2);
  assert.equal(roomFor('other'), '');
  add('other', 1);
  assert.equal(roomFor('light'), 'flood7');
  assert.match(roomFor('flood'), /all 10 places/);
});

test('where everybody holds alike nobody gives way', () => {
  const { add, roomFor } = rig({ places: 4, bytes: 100 });
  add('a', 2);
  add('b', 2);
  assert.match(roomFor('a'), /all 4 places/);
  assert.equal(roomFor('c'), 'a2');
});

test('C9, G14: where the bytes are used up whoever holds most of them gives way, for as many as are needed', () => {
  const { add, roomFor } = rig({ places: 100, bytes: 100 });
  add('flood', 4, 20);
  add('light', 1, 20);
  assert.equal(roomFor('light', 15), 'flood4');
  assert.equal(roomFor('other', 25), 'flood4 flood3');
  assert.match(roomFor('other', 70), /hold 100 bytes/);
  assert.match(roomFor('flood', 20), /hold 100 bytes/);
  assert.match(roomFor('other', 101), /hold 100 bytes/);
});

test('who leaves gives back what it held', () => {
  const { places, add, roomFor } = rig({ places: 1, bytes: 10 });
  const only = { name: 'a', party: 'a', bytes: 10 };
  places.add(only);
  places.remove(only);
  places.remove(only);
  assert.equal(places.taken, 0);
  assert.equal(roomFor('b', 10), '');
  add('b', 1, 10);
  assert.match(roomFor('b'), /hold 10 bytes/);
});
