import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeldClock } from '../../test/held-clock.ts';
import { upstreamOf } from '../../test/targets.ts';
import { fail } from '../core/failure.ts';
import { Health } from './health.ts';

const upstream = upstreamOf('a');
const cut = fail('upstream_cut', 'it broke');

function rig() {
  const clock = createHeldClock(1_000_000);
  return { clock, health: new Health(clock) };
}

test('nobody knows an upstream before something has happened with it', () => {
  const { health } = rig();
  health.note(upstream, 'left');
  assert.deepEqual(health.of(upstream), {
    state: 'unknown',
    failures: 0,
    lastFailure: undefined,
    sinceMs: 0,
  });
});

test('three failures in a row make it count as down, and one success as up', () => {
  const { clock, health } = rig();
  clock.advance(5);
  health.note(upstream, cut);
  health.note(upstream, cut);
  assert.equal(health.of(upstream).state, 'unknown');
  health.note(upstream, cut);
  assert.deepEqual(health.of(upstream), {
    state: 'down',
    failures: 3,
    lastFailure: 'upstream_cut: it broke',
    sinceMs: 1_000_005,
  });
  health.note(upstream, 'served');
  assert.equal(health.of(upstream).state, 'up');
});

test('failures with successes between them are no row', () => {
  const { health } = rig();
  for (let round = 0; round < 5; round += 1) {
    health.note(upstream, 'served');
    health.note(upstream, cut);
    health.note(upstream, cut);
    assert.equal(health.of(upstream).state, 'up');
  }
  health.note(upstream, 'served');
  assert.deepEqual([health.of(upstream).failures, health.of(upstream).lastFailure], [0, undefined]);
});

test('U17: what is the client’s fault, or ours, says nothing of the upstream', () => {
  const { health } = rig();
  for (const code of [
    'invalid_request',
    'upstream_rejected',
    'dependency_unavailable',
    'internal',
  ] as const) {
    for (let count = 0; count < 3; count += 1) health.note(upstream, fail(code, 'not its fault'));
  }
  assert.equal(health.of(upstream).state, 'unknown');
});

test('U6, U17: a server that refuses for a reason is there: it does not count as down', () => {
  const { health } = rig();
  for (const code of ['upstream_model_missing', 'upstream_rate_limited'] as const) {
    for (let count = 0; count < 3; count += 1) health.note(upstream, fail(code, 'it said no'));
  }
  assert.notEqual(health.of(upstream).state, 'down');
});

test('a listing that succeeds tells at once, and so does one that nobody answers or that is not let in', () => {
  for (const code of ['connect_failed', 'connect_timeout', 'tls_error', 'upstream_unauthorized'] as const) {
    const { health } = rig();
    health.probed(upstream, fail(code, 'no'));
    assert.equal(health.of(upstream).state, 'down', code);
    health.probed(upstream, undefined);
    assert.equal(health.of(upstream).state, 'up');
  }
});

test('one bad listing between good answers is one failure, not the end of a server', () => {
  const { health } = rig();
  health.note(upstream, 'served');
  for (const code of ['bad_upstream_response', 'upstream_failed', 'total_timeout'] as const) {
    assert.equal(health.of(upstream).state, 'up');
    health.probed(upstream, fail(code, 'it said nonsense'));
  }
  assert.deepEqual([health.of(upstream).state, health.of(upstream).failures], ['down', 3]);
});

test('what no configuration names is forgotten', () => {
  const { health } = rig();
  const other = upstreamOf('b');
  health.note(upstream, 'served');
  health.note(other, 'served');
  health.keepOnly([other]);
  assert.equal(health.of(upstream).state, 'unknown');
  assert.equal(health.of(other).state, 'up');
});
