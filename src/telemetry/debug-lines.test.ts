import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fail } from '../core/failure.ts';
import { Trail } from '../core/trail.ts';
import { logAttempt } from './debug-lines.ts';
import type { Log } from './log.ts';

test('a key that a client sent as a model name stands in no line of debug, in whose words it may be (G8)', () => {
  const lines: string[] = [];
  const silent = () => {};
  const log: Log = {
    level: 'debug',
    debug: (facts) => void lines.push(JSON.stringify(facts)),
    info: silent,
    warn: silent,
    error: silent,
    exchange: silent,
    flush: silent,
  };
  const key = 'sk-mr-0123456789abcdef_-';
  const trail = new Trail('0192', { startedMs: 0, wallMs: 0 });
  trail.attempts.push({ upstream: 'u', model: `a/${key}`, code: 'upstream_model_missing', tookMs: 1 });
  const cause = new Error(`the upstream said: "${key}" does not exist`);
  logAttempt(log, trail, fail('upstream_model_missing', `no ${key} here`, { cause }));
  assert.deepEqual(JSON.parse(lines[0] ?? ''), {
    id: '0192',
    upstream: 'u',
    model: 'a/sk-mr-…',
    code: 'upstream_model_missing',
    tookMs: 1,
    message: 'no sk-mr-… here',
    cause: 'the upstream said: "sk-mr-…" does not exist',
  });
});
