import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Arrived, nextArrival } from '../lib/arrivals.ts';
import { Places } from './places.ts';

interface One extends Arrived {
  readonly name: string;
  readonly party: string;
  readonly places: number;
  readonly bytes: number;
}

function rig(bounds: { places: number; bytes: number }) {
  const places = new Places<One>(bounds);
  const add = (party: string, count: number, bytes = 1) => {
    for (let at = 1; at <= count; at += 1)
      places.add({ came: nextArrival(), name: `${party}${at}`, party, places: 1, bytes });
  };
  const roomFor = (party: string, bytes = 1) => {
    const room = places.roomFor({ party, places: 1, bytes });
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
  const only = { came: nextArrival(), name: 'a', party: 'a', places: 1, bytes: 10 };
  places.add(only);
  places.remove(only);
  places.remove(only);
  assert.equal(places.isEmpty, true);
  assert.equal(roomFor('b', 10), '');
  add('b', 1, 10);
  assert.match(roomFor('b'), /hold 10 bytes/);
});

test('who waits for several takes their places, and none where they have theirs', () => {
  const { places, add, roomFor } = rig({ places: 10, bytes: 100 });
  const four = { came: nextArrival(), name: 'four', party: 'flood', places: 4, bytes: 4 };
  add('flood', 4);
  places.add(four);
  add('light', 1);
  places.add({ came: nextArrival(), name: 'none', party: 'flood', places: 0, bytes: 0 });
  assert.deepEqual(places.roomFor({ party: 'flood', places: 0, bytes: 0 }), []);
  assert.equal(roomFor('other'), '');
  assert.match(String(places.roomFor({ party: 'flood', places: 2, bytes: 1 })), /all 10 places/);
  assert.deepEqual(places.roomFor({ party: 'light', places: 2, bytes: 1 }), [four]);
});
