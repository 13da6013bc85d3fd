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

const hung = fail('first_token_timeout', 'it hangs');

test('a good listing brings back who could not be reached, and says nothing of who could not serve', () => {
  const { health } = rig();
  for (const failure of [hung, hung, cut]) {
    health.note(upstream, failure);
    health.probed(upstream, undefined);
  }
  assert.equal(health.of(upstream).state, 'down');
  health.note(upstream, 'served');
  assert.deepEqual([health.of(upstream).state, health.anyDown], ['up', false]);

  for (let count = 0; count < 3; count += 1) health.note(upstream, fail('connect_failed', 'nobody is there'));
  assert.equal(health.of(upstream).state, 'down');
  health.probed(upstream, undefined);
  assert.deepEqual([health.of(upstream).state, health.of(upstream).failures], ['up', 0]);
});

test('who could neither be reached nor serve is up again when it is listed, with the failures of its calls', () => {
  const { health } = rig();
  health.note(upstream, hung);
  health.note(upstream, cut);
  health.probed(upstream, fail('total_timeout', 'no list'));
  assert.equal(health.of(upstream).state, 'down');
  health.probed(upstream, undefined);
  assert.deepEqual([health.of(upstream).state, health.of(upstream).failures], ['up', 2]);
});

test('who is down by its calls alone is on trial half a minute after the last, and a failure then is enough', () => {
  const { clock, health } = rig();
  for (let count = 0; count < 3; count += 1) health.note(upstream, hung);
  clock.advance(29_999);
  health.probed(upstream, undefined);
  assert.deepEqual([health.isDown(upstream), health.anyDown], [true, true]);
  clock.advance(1);
  assert.deepEqual([health.isDown(upstream), health.of(upstream).state], [false, 'up']);
  health.note(upstream, cut);
  assert.equal(health.isDown(upstream), true);
  clock.advance(30_000);
  health.note(upstream, 'served');
  assert.deepEqual(health.of(upstream).failures, 0);
});

test('who cannot be reached stays down for as long as nothing says otherwise', () => {
  const { clock, health } = rig();
  health.probed(upstream, fail('connect_failed', 'nobody is there'));
  clock.advance(1_000_000);
  assert.equal(health.isDown(upstream), true);
});

test('a server without a list is there: that neither lifts the failures of calls nor counts as one', () => {
  const { health } = rig();
  const noList = fail('upstream_failed', 'no list');
  for (let count = 0; count < 5; count += 1) health.withoutList(upstream, noList);
  assert.deepEqual(
    [health.of(upstream).state, health.of(upstream).lastFailure],
    ['unknown', 'upstream_failed: no list'],
  );
  for (let count = 0; count < 3; count += 1) health.note(upstream, fail('connect_failed', 'nobody is there'));
  assert.equal(health.of(upstream).state, 'down');
  health.withoutList(upstream, noList);
  assert.equal(health.of(upstream).state, 'unknown');
  for (let count = 0; count < 3; count += 1) health.note(upstream, hung);
  health.withoutList(upstream, noList);
  assert.equal(health.of(upstream).state, 'down');
});

test('U2: silent is who is down without a word; who refuses or breaks off is down, but not silent', () => {
  for (const [failure, silent] of [
    [hung, true],
    [fail('connect_timeout', 'no connection'), true],
    [cut, false],
    [fail('upstream_failed', '500'), false],
  ] as const) {
    const { health } = rig();
    health.note(upstream, failure);
    health.note(upstream, failure);
    assert.equal(health.isSilent(upstream), false);
    health.note(upstream, failure);
    assert.deepEqual([health.isDown(upstream), health.isSilent(upstream)], [true, silent], failure.code);
  }
});

test('U2: a listing that came through ends the silence of those before it', () => {
  const { health } = rig();
  for (let count = 0; count < 3; count += 1) health.note(upstream, cut);
  health.probed(upstream, fail('total_timeout', 'no list'));
  assert.equal(health.isSilent(upstream), true);
  health.probed(upstream, undefined);
  assert.deepEqual([health.isDown(upstream), health.isSilent(upstream)], [true, false]);
});

test('what no configuration names is forgotten', () => {
  const { health } = rig();
  const other = upstreamOf('b');
  health.note(upstream, 'served');
  health.note(other, 'served');
  health.keepOnly([other]);
  assert.equal(health.of(upstream).state, 'unknown');
  assert.equal(health.of(other).state, 'up');
  health.probed(other, fail('connect_failed', 'nobody is there'));
  health.keepOnly([]);
  assert.equal(health.anyDown, false);
});
