import assert from 'node:assert/strict';
import { test } from 'node:test';
import { providers } from '../registry.ts';
import { ollamaKeeping } from './keeping.ts';

test('what Ollama tells of its memory is read, and what is no such answer tells nothing', () => {
  const models = [
    { name: 'gemma:latest', size: 8, size_vram: 6, expires_at: '2026-11-21T10:00:00Z' },
    { model: 'qwen', size: 'large', expires_at: 'soon' },
    { size: 1 },
    'nothing',
  ];
  const untilMs = Date.parse('2026-11-21T10:00:00Z');
  assert.deepEqual(ollamaKeeping.read({ models }), [
    { name: 'gemma:latest', bytes: 8, gpuBytes: 6, untilMs },
    { name: 'qwen', bytes: undefined, gpuBytes: undefined, untilMs: undefined },
  ]);
  for (const body of [undefined, null, 'x', [], {}, { models: {} }])
    assert.deepEqual(ollamaKeeping.read(body), []);
});

test('a model that runs in Ollama’s cloud is never asked for, nor is its service: both cost money', () => {
  assert.deepEqual(ollamaKeeping.ask?.({ model: 'gpt-oss:120b-cloud' }), []);
  assert.deepEqual(ollamaKeeping.ask?.({ model: 'glm:cloud' }), []);
  assert.equal(ollamaKeeping.ask?.({ model: 'gemma' }).length, 2);
  assert.equal(providers.ollama.paid('https://ollama.com'), true);
  assert.equal(providers.ollama.paid('http://gpu-a:11434'), false);
  assert.equal(providers.ollama.paid('http://ollama.com.example:11434'), false);
});
