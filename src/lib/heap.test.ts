import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Entry, Heap } from './heap.ts';

const steps = fc.array(
  fc.record({
    what: fc.constantFrom<'add' | 'remove' | 'move'>('add', 'remove', 'move'),
    at: fc.nat(40),
    rank: fc.integer({ min: -9, max: 9 }),
  }),
  { maxLength: 120 },
);

type Inside = Entry[];

const moves = {
  add: (heap: Heap<Entry>, inside: Inside, { rank }: { readonly rank: number }) => {
    const added = { rank, at: -1 };
    heap.add(added);
    inside.push(added);
  },
  remove: (heap: Heap<Entry>, inside: Inside, { at }: { readonly at: number }) => {
    const [removed] = inside.splice(at % Math.max(1, inside.length), 1);
    if (removed === undefined) return;
    heap.remove(removed);
    assert.equal(removed.at, -1);
  },
  move: (heap: Heap<Entry>, inside: Inside, { at, rank }: { readonly at: number; readonly rank: number }) => {
    const moved = inside[at % Math.max(1, inside.length)];
    if (moved === undefined) return;
    moved.rank = rank;
    heap.moved(moved);
  },
};

test('whatever comes, goes and changes its rank, the least is first and everybody knows where it is', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const heap = new Heap<Entry>();
      const inside: Inside = [];
      for (const step of all) {
        moves[step.what](heap, inside, step);
        const least = inside.length === 0 ? undefined : Math.min(...inside.map(({ rank }) => rank));
        assert.equal(heap.first?.rank, least);
        for (const each of inside) assert.equal(heap.entries[each.at], each);
      }
    }),
  );
});
