import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ProgressMerge } from './ollama-progress.ts';

const digest = `sha256:${'a'.repeat(64)}`;

test('the lines of a single server pass as they are', () => {
  const line = { status: 'pulling aaa', digest, total: 10, completed: 4 };
  assert.equal(new ProgressMerge(1).merge('gpu-a', line), line);
});

test('a layer counts once for each server, and the own line of the server rides along', () => {
  const merge = new ProgressMerge(2);
  merge.merge('gpu-a', { status: 'pulling aaa', digest, total: 10, completed: 10 });
  assert.deepEqual(merge.merge('gpu-b', { status: 'pulling aaa', digest, total: 10, completed: 3 }), {
    status: 'gpu-b: pulling aaa',
    digest,
    total: 20,
    completed: 13,
    upstream: { name: 'gpu-b', status: 'pulling aaa', digest, total: 10, completed: 3 },
  });
});

test('a layer that nobody has begun has no `completed`, as Ollama leaves it out', () => {
  const merged = new ProgressMerge(2).merge('gpu-a', { status: 'pulling aaa', digest, total: 10 });
  assert.equal('completed' in merged, false);
});

test('a layer is complete when all servers have it and never before', () => {
  const servers = ['a', 'b', 'c'];
  const step = fc.record({ server: fc.constantFrom(...servers), bytes: fc.integer({ min: 0, max: 10 }) });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const merge = new ProgressMerge(servers.length);
      const done = new Map<string, number>();
      for (const { server, bytes } of steps) {
        done.set(server, bytes);
        const merged = merge.merge(server, { status: '', digest, total: 10, completed: bytes });
        const all = servers.every((name) => done.get(name) === 10);
        assert.equal(merged['completed'] === merged['total'], all);
      }
    }),
  );
});
