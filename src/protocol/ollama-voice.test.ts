import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fail } from '../core/failure.ts';
import { ollamaVoice } from './ollama-voice.ts';

test('a failure is one text under `error`, with its status and the exchange it belongs to', () => {
  const rendered = ollamaVoice.renderFailure(fail('model_not_found', "model 'x' not found"), 'id-1');
  assert.equal(rendered.status, 404);
  assert.deepEqual(JSON.parse(rendered.body), { error: "model 'x' not found", request_id: 'id-1' });
  assert.equal(rendered.headers.includes('retry-after'), false);
});

test('a full queue says when to come back; a spent retry says not to (G17)', () => {
  const full = ollamaVoice.renderFailure(
    fail('queue_full', 'all places are taken', { retryAfterS: 1.2 }),
    'i',
  );
  assert.equal(full.headers[full.headers.indexOf('retry-after') + 1], '2');
  const spent = ollamaVoice.renderFailure(fail('upstream_failed', 'gone'), 'i');
  assert.equal(spent.headers[spent.headers.indexOf('x-should-retry') + 1], 'false');
});

test('inside a stream a failure is a line of its own', () => {
  const line = ollamaVoice.renderStreamFailure(fail('upstream_cut', 'the upstream\nbroke off'), 'i');
  assert.match(line, /^[^\n]+\n$/);
  assert.equal(JSON.parse(line).error, 'the upstream\nbroke off');
});
