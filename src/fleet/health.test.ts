import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createHeldClock } from '../../test/held-clock.ts';
import { targetOn, upstreamOf } from '../../test/targets.ts';
import { wantOf } from '../../test/wants.ts';
import type { Target } from '../core/exchange.ts';
import { type Failure, type FailureCode, type FailureDetails, fail } from '../core/failure.ts';
import { defaultRules, Health } from './health.ts';

const a = targetOn(upstreamOf('a', 8));
const b = targetOn(upstreamOf('b', 8));
const c = targetOn(upstreamOf('c', 8));
const cut = fail('upstream_cut', 'it broke');
const hung = fail('first_token_timeout', 'it hangs');
const refused = fail('connect_failed', 'nobody is there');

const ending = { tookMs: 0, firstContentMs: 0, outputTokens: 0, cold: false };

function rig() {
  const clock = createHeldClock(1_000_000);
  const health = new Health(clock);
  const ended = (target: Target, outcome: 'served' | 'left' | Failure, more: { tookMs?: number } = {}) =>
    health.ended(target, { ...ending, outcome, ...more });
  const fails = (target: Target, failure: Failure, times = 5) => {
    for (let count = 0; count < times; count += 1) ended(target, failure);
  };
  const allowed = (pool: readonly Target[]) => pool.map((target) => health.allows(target, 8, wantOf(pool)));
  const stateOf = (target: Target) => health.of(target.upstream).state;
  return { clock, health, ended, fails, allowed, stateOf };
}

test('nobody knows an upstream before something has happened with it', () => {
  const { health, ended, stateOf, allowed } = rig();
  ended(a, 'left');
  assert.equal(stateOf(a), 'unknown');
  assert.deepEqual([health.of(a.upstream).sinceMs, allowed([a])], [0, [8]]);
});

test('U2, U5: five failures in a row make it down, with the reason and the time of the next try', () => {
  const { clock, health, ended, fails, stateOf } = rig();
  clock.advance(5);
  fails(a, cut, 4);
  assert.equal(stateOf(a), 'unknown');
  ended(a, cut);
  assert.deepEqual(health.of(a.upstream), {
    state: 'down',
    failures: 5,
    lastFailure: 'upstream_cut: it broke',
    sinceMs: 1_000_005,
    standing: 'open',
    nextTryMs: 1_030_005,
    modelsOut: ['a-model'],
  });
});

test('U17: what is the client’s fault, or ours, or of this one request, says nothing of the upstream', () => {
  const { fails, stateOf, allowed } = rig();
  for (const code of [
    'invalid_request',
    'upstream_rejected',
    'context_length_exceeded',
    'upstream_model_missing',
    'dependency_unavailable',
    'internal',
    'total_timeout',
  ] as const) {
    fails(a, fail(code, 'not its fault'), 20);
  }
  assert.deepEqual([stateOf(a), allowed([a, b])], ['unknown', [8, 8]]);
});

test('a last clock that ran out after long, without a word, tells of a hung server', () => {
  const { ended, stateOf } = rig();
  for (let count = 0; count < 5; count += 1) ended(a, fail('total_timeout', 'late'), { tookMs: 600_000 });
  assert.equal(stateOf(a), 'down');
});

test('one that is out gets nothing while another is there; when all are out, each gets one at a time', () => {
  const { health, ended, fails, allowed } = rig();
  fails(a, refused);
  assert.deepEqual(allowed([a, b]), [0, 8]);
  assert.deepEqual(allowed([a]), [8], 'a model that nobody else has');
  fails(b, refused);
  assert.deepEqual(allowed([a, b]), [8, 8]);
  assert.equal(health.refusal(wantOf([a, b])), undefined);
  health.began(a);
  assert.deepEqual(allowed([a, b]), [0, 8]);
  health.began(b);
  assert.deepEqual(allowed([a, b]), [0, 0]);
  const refusal = health.refusal(wantOf([a, b]));
  assert.deepEqual([refusal?.code, refusal?.status, refusal?.retryAfterS], ['no_upstream', 503, 30]);
  ended(a, refused);
  assert.equal(health.refusal(wantOf([a, b])), undefined);
});

test('U5: a long answer does not keep others from trying: after the time that it was left out for one more may', () => {
  const { clock, health, ended, fails, allowed } = rig();
  let told = 0;
  health.onChange(() => {
    told += 1;
  });
  fails(a, hung);
  clock.advance(30_000);
  health.began(a);
  assert.deepEqual(allowed([a]), [0]);
  told = 0;
  clock.advance(29_999);
  assert.deepEqual([allowed([a]), told], [[0], 0]);
  clock.advance(1);
  assert.deepEqual([allowed([a]), told], [[8], 1]);
  health.began(a);
  assert.deepEqual(allowed([a]), [0]);
  ended(a, 'served');
  clock.advance(10_000);
  assert.deepEqual([allowed([a]), clock.pending], [[8], 0]);
});

test('U5: for bad answers never more than half are left out: of the others each gets one at a time', () => {
  const { health, fails, allowed } = rig();
  fails(a, fail('upstream_failed', '500'));
  fails(b, fail('upstream_failed', '500'));
  assert.deepEqual(allowed([a, b, c]), [0, 8, 8]);
  health.began(b);
  assert.deepEqual(allowed([a, b, c]), [0, 0, 8]);
});

test('whoever fails half of the time goes only where half are not left out already', () => {
  const { ended, fails, allowed } = rig();
  const sometimes = (target: Target) => {
    for (let count = 0; count < 10; count += 1) {
      ended(target, 'served');
      ended(target, fail('upstream_failed', '500'));
    }
  };
  sometimes(a);
  assert.deepEqual(allowed([a, b]), [0, 8]);
  sometimes(b);
  assert.deepEqual(allowed([a, b]), [0, 8]);
  // Who serves some stays in the place of who serves none.
  fails(b, refused);
  assert.deepEqual(allowed([a, b]), [8, 0]);
});

test('no less than half of a pool may be asked for bad answers alone, whoever they come from', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(6), { minLength: 1, maxLength: 7 }), (failures) => {
      const { fails, allowed } = rig();
      const pool = failures.map((_, index) => targetOn(upstreamOf(`u${index}`, 8)));
      for (const [index, target] of pool.entries())
        fails(target, fail('upstream_failed', '500'), failures[index]);
      const out = allowed(pool).filter((slots) => slots === 0).length;
      assert.ok(out <= Math.floor(pool.length / 2), `${out} of ${pool.length}`);
    }),
  );
});

test('G17: after its time one request tries, and others wait for how it ends instead of being refused', () => {
  const { clock, health, ended, fails, allowed } = rig();
  let told = 0;
  fails(a, cut);
  health.onChange(() => {
    told += 1;
  });
  clock.advance(29_999);
  assert.deepEqual([allowed([a, b]), told], [[0, 8], 0]);
  clock.advance(1);
  assert.equal(told, 1, 'the scheduler is told that time has passed');
  assert.deepEqual(allowed([a, b]), [8, 8]);
  health.began(a);
  assert.deepEqual(allowed([a, b]), [0, 8]);
  assert.equal(health.refusal(wantOf([a])), undefined);
  ended(a, 'served');
  assert.deepEqual([allowed([a, b]), told], [[1, 8], 2]);
  clock.advance(5_000);
  assert.deepEqual(allowed([a, b]), [4, 8]);
  clock.advance(5_000);
  assert.deepEqual(allowed([a, b]), [8, 8]);
  assert.equal(clock.pending, 0);
});

test('a try that fails puts it out for longer, and whoever waited is told', () => {
  const { clock, health, ended, fails, allowed } = rig();
  fails(a, cut);
  clock.advance(30_000);
  health.began(a);
  let told = 0;
  health.onChange(() => {
    told += 1;
  });
  ended(a, cut);
  assert.deepEqual([told, health.of(a.upstream).nextTryMs], [1, 1_000_000 + 30_000 + 60_000]);
  assert.deepEqual(allowed([a, b]), [0, 8]);
});

test('G17: what hung since before it was left out does not end the try of another, nor leave it out again', () => {
  const { clock, health, ended, fails, allowed } = rig();
  clock.advance(1_000);
  fails(a, hung);
  clock.advance(30_000);
  health.began(a);
  clock.advance(10);
  for (const outcome of ['served', 'left', hung] as const) {
    ended(a, outcome, { tookMs: 30_011 });
    assert.deepEqual([allowed([a, b]), health.of(a.upstream).standing], [[0, 8], 'trial']);
  }
  ended(a, 'served', { tookMs: 10 });
  for (let count = 0; count < 8; count += 1) ended(a, hung, { tookMs: 30_011 });
  assert.equal(health.of(a.upstream).standing, 'returning');
});

test('one bad model on a server that serves others is left out alone', () => {
  const { health, ended, stateOf, allowed } = rig();
  const bad = { ...a, model: 'bad' };
  for (let count = 0; count < 5; count += 1) {
    ended(bad, fail('upstream_failed', 'it cannot load'));
    ended(a, 'served');
  }
  assert.deepEqual([stateOf(a), health.of(a.upstream).modelsOut], ['up', ['bad']]);
  assert.deepEqual(
    [allowed([a, b]), allowed([bad, b])],
    [
      [8, 8],
      [0, 8],
    ],
  );
});

test('models that anybody may make up are remembered up to a bound', () => {
  const { ended, health } = rig();
  for (let count = 0; count < 2_000; count += 1) ended({ ...a, model: `m${count}` }, cut);
  assert.ok(health.of(a.upstream).modelsOut.length <= 256);
});

for (const [told, waitMs] of [
  [{ retryAfterS: 5 }, 5_000],
  [{ retryAfterS: 1e9 }, 60_000],
  [{}, 1_000],
] as const satisfies ReadonlyArray<readonly [FailureDetails, number]>) {
  test(`U6: an account that has told us to wait (${JSON.stringify(told)}) is not asked before, others are`, () => {
    const { clock, health, ended, stateOf, allowed } = rig();
    ended(a, 'served');
    ended(a, fail('upstream_rate_limited', 'too fast', told));
    assert.deepEqual([allowed([a, b]), allowed([a])], [[0, 8], [0]]);
    const refusal = health.refusal(wantOf([a]));
    assert.deepEqual(
      [refusal?.code, refusal?.status, refusal?.retryAfterS],
      ['upstream_rate_limited', 429, waitMs / 1_000],
    );
    clock.advance(waitMs - 1);
    assert.deepEqual(allowed([a, b]), [0, 8]);
    clock.advance(1);
    assert.deepEqual([allowed([a, b]), stateOf(a), clock.pending], [[8, 8], 'up', 0]);
  });
}

test('U6: who tells us to wait no time at all is asked at once', () => {
  const { ended, allowed } = rig();
  ended(a, fail('upstream_rate_limited', 'too fast', { retryAfterS: 0 }));
  assert.deepEqual(allowed([a]), [8]);
});

test('U15: a server that is busy gets a moment, in which requests for it alone wait', () => {
  const { clock, health, ended, allowed } = rig();
  ended(a, fail('upstream_overloaded', 'busy', { retryAfterS: 600 }));
  assert.deepEqual([allowed([a, b]), health.refusal(wantOf([a]))], [[0, 8], undefined]);
  clock.advance(5_000);
  assert.deepEqual(allowed([a, b]), [8, 8]);
});

test('the refusal is for those that have not failed the request already', () => {
  const { health, ended } = rig();
  ended(b, fail('upstream_rate_limited', 'too fast', { retryAfterS: 7 }));
  assert.equal(health.refusal(wantOf([a, b])), undefined);
  assert.equal(health.refusal(wantOf([a, b], { visited: new Set(['a']) }))?.retryAfterS, 7);
});

test('a listing that nobody answers or that is not let in tells at once, and a good one lets a request try', () => {
  for (const code of ['connect_failed', 'connect_timeout', 'tls_error', 'upstream_unauthorized'] as const) {
    const { health, stateOf, allowed } = rig();
    health.probed(a.upstream, fail(code, 'no'));
    assert.deepEqual([stateOf(a), allowed([a, b])], ['down', [0, 8]], code);
    health.probed(a.upstream, undefined);
    assert.deepEqual([stateOf(a), allowed([a, b])], ['up', [8, 8]]);
    health.began(a);
    assert.deepEqual(allowed([a, b]), [0, 8]);
  }
});

test('a key that may call and not list is left out until a request has tried, and never for its listings after that', () => {
  const { health, clock, ended, fails, allowed } = rig();
  const list = () => health.probed(a.upstream, fail('upstream_unauthorized', 'the list is not for you'));
  list();
  assert.deepEqual(allowed([a, b]), [0, 8]);
  clock.advance(defaultRules.baseMs - 1);
  list();
  assert.deepEqual(allowed([a, b]), [0, 8]);
  clock.advance(1);
  list();
  assert.deepEqual(allowed([a, b]), [8, 8], 'one may try, however often it was asked for its list');
  health.began(a);
  ended(a, 'served');
  clock.advance(defaultRules.slowStartMs);
  for (let count = 0; count < 5; count += 1) list();
  assert.deepEqual(allowed([a, b]), [8, 8]);
  // The key was withdrawn: what it served before says nothing any more, and no listing lets anybody try.
  fails(a, fail('upstream_unauthorized', 'no such key'), 5);
  list();
  assert.deepEqual(allowed([a, b]), [0, 8]);
});

test('C9: what one tenant alone is not let in for shuts nobody else out: some refuse what a request says with 403', () => {
  const { health, allowed } = rig();
  const theirs = { worksForOthers: (_: unknown, than: string) => than === 'one' };
  const flagged = {
    ...ending,
    outcome: fail('upstream_unauthorized', 'your input was flagged'),
    tenant: 'one',
  };
  for (let count = 0; count < 20; count += 1) health.ended(a, flagged, theirs);
  assert.deepEqual(allowed([a, b]), [8, 8]);
});

test('one bad listing between good answers is one failure, not the end of a server', () => {
  const { health, ended, stateOf } = rig();
  ended(a, 'served');
  for (const code of ['bad_upstream_response', 'upstream_failed', 'total_timeout'] as const) {
    assert.equal(stateOf(a), 'up');
    health.probed(a.upstream, fail(code, 'it said nonsense'));
  }
  assert.deepEqual([stateOf(a), health.of(a.upstream).failures], ['down', 3]);
});

for (const [failure, lifted] of [
  [cut, true],
  [refused, true],
  [hung, false],
  [fail('upstream_failed', '500'), false],
] as const satisfies ReadonlyArray<readonly [Failure, boolean]>) {
  test(`a good listing ${lifted ? 'lets a request try' : 'says nothing of a server'} after ${failure.code}`, () => {
    const { health, fails, allowed } = rig();
    fails(a, failure);
    health.probed(a.upstream, undefined);
    assert.deepEqual(allowed([a, b]), [lifted ? 8 : 0, 8]);
  });
}

test('U2: a server that was stopped may try as soon as it lists its models again', () => {
  const { health, fails, allowed, stateOf } = rig();
  fails(a, hung);
  health.probed(a.upstream, fail('total_timeout', 'no list'));
  assert.equal(stateOf(a), 'down');
  health.probed(a.upstream, undefined);
  assert.deepEqual(allowed([a, b]), [8, 8]);
});

test('a server without a list is there: that neither lifts the failures of calls nor counts as one', () => {
  const { health, fails, stateOf } = rig();
  const noList = fail('upstream_failed', 'no list');
  for (let count = 0; count < 5; count += 1) health.withoutList(a.upstream, noList);
  assert.deepEqual([stateOf(a), health.of(a.upstream).lastFailure], ['unknown', 'upstream_failed: no list']);
  fails(a, hung);
  health.withoutList(a.upstream, noList);
  assert.equal(stateOf(a), 'down');
});

test('U2: silent is who is down without a word; who refuses or breaks off is down, but not silent', () => {
  for (const [code, silent] of [
    ['first_token_timeout', true],
    ['connect_timeout', true],
    ['upstream_cut', false],
    ['upstream_failed', false],
  ] as const satisfies ReadonlyArray<readonly [FailureCode, boolean]>) {
    const { health, fails, stateOf } = rig();
    fails(a, fail(code, 'no'), 4);
    assert.equal(health.isSilent(a.upstream), false);
    fails(a, fail(code, 'no'), 1);
    assert.deepEqual([stateOf(a), health.isSilent(a.upstream)], ['down', silent], code);
  }
});

test('what no configuration names is forgotten, with its timer', () => {
  const { clock, health, ended, fails, stateOf } = rig();
  ended(b, 'served');
  fails(a, cut);
  health.keepOnly([b.upstream]);
  assert.deepEqual([stateOf(a), stateOf(b)], ['unknown', 'up']);
  clock.advance(30_000);
  assert.equal(clock.pending, 0);
});
