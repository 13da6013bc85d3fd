import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationOf, ietfStanding, openaiStanding } from './standing-headers.ts';

test('a reset is told as OpenAI’s clients read it, and never too short', () => {
  const told = [0, 0.2, 120, 999.5, 1_500, 60_000, 360_000, 3_603_500].map(durationOf);
  assert.deepEqual(told, ['0ms', '1ms', '120ms', '1s', '1.5s', '1m0s', '6m0s', '1h0m3.5s']);
});

test('only of units that are limited something is said', () => {
  const requests = { limit: 10, remaining: 4, resetMs: 1_200, windowMs: 60_000 };
  assert.deepEqual(openaiStanding({ requests, tokens: undefined }), [
    'x-ratelimit-limit-requests',
    '10',
    'x-ratelimit-remaining-requests',
    '4',
    'x-ratelimit-reset-requests',
    '1.2s',
  ]);
  const tokens = { limit: 1_000, remaining: 0, resetMs: 0, windowMs: 100 };
  assert.deepEqual(ietfStanding({ requests, tokens }), [
    'ratelimit-policy',
    '"requests";q=10;w=60, "tokens";q=1000;w=1',
    'ratelimit',
    '"requests";r=4;t=2, "tokens";r=0;t=0',
  ]);
});
