/** What clients that leave, and what befalls one tenant alone, say of a server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeldClock } from '../../test/held-clock.ts';
import { targetOn, upstreamOf } from '../../test/targets.ts';
import { endingOf, wantOf } from '../../test/wants.ts';
import type { Target } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';
import type { Ending } from '../core/fleet.ts';
import { Health } from './health.ts';

const a = targetOn(upstreamOf('a', 8));
const b = targetOn(upstreamOf('b', 8));
const cut = fail('upstream_cut', 'it broke');
const hung = fail('first_token_timeout', 'it hangs');
const refused = fail('connect_failed', 'nobody is there');

/** `others`: whether the server works for another tenant at that moment, be it on one model alone. */
function rig(others: boolean | string = false) {
  const clock = createHeldClock(1_000_000);
  const health = new Health(clock);
  const ended = (target: Target, outcome: Ending['outcome'], more: Partial<Ending> = {}) =>
    health.ended(
      target,
      { ...endingOf(outcome), firstContentMs: 0, ...more },
      {
        worksForOthers: (_, __, model) =>
          typeof others === 'string' ? model === undefined || model === others : others,
      },
    );
  const allowed = (pool: readonly Target[], tenant = 'default') =>
    pool.map((target) => health.allows(target, 8, wantOf(pool, { tenant })));
  return { clock, health, ended, allowed };
}

const leftLong = { silentMs: 10_000 };

test('U2: clients that leave one after the other, each after a long wait for the first word, tell that it hangs', () => {
  const { health, ended, allowed } = rig();
  for (let count = 0; count < 4; count += 1) ended(a, 'left', leftLong);
  assert.deepEqual(allowed([a, b]), [8, 8]);
  ended(a, 'left', leftLong);
  assert.deepEqual(allowed([a, b]), [0, 8]);
  assert.equal(health.isSilent(a.upstream), true);
  assert.match(health.of(a.upstream).lastFailure ?? '', /clients left/);
});

for (const [what, between, leaving] of [
  ['something is served between', { outcome: 'served' }, leftLong],
  ['something came to another who left', { outcome: 'left', firstContentMs: 5 }, leftLong],
  ['they had not waited long', { outcome: 'left' }, { silentMs: 9_999 }],
  ['its model is loaded first', { outcome: 'left' }, { ...leftLong, cold: true }],
] as const) {
  test(`clients that leave say nothing of a server where ${what}`, () => {
    const { ended, allowed } = rig();
    for (let round = 0; round < 10; round += 1) {
      for (let count = 0; count < 4; count += 1) ended(a, 'left', leaving);
      ended(a, between.outcome, between);
    }
    assert.deepEqual(allowed([a, b]), [8, 8]);
  });
}

test('U2: a try whose client leaves without a word puts a silent server out for longer; one that leaves early tells nothing', () => {
  const { clock, health, ended, allowed } = rig();
  for (let count = 0; count < 5; count += 1) ended(a, 'left', leftLong);
  clock.advance(30_000);
  assert.deepEqual(allowed([a, b]), [8, 8]);
  health.began(a);
  assert.deepEqual(allowed([a, b]), [0, 8]);
  ended(a, 'left', { silentMs: 5 });
  assert.deepEqual(allowed([a, b]), [8, 8]);
  health.began(a);
  ended(a, 'left', leftLong);
  clock.advance(59_999);
  assert.deepEqual(allowed([a, b]), [0, 8]);
  clock.advance(1);
  assert.deepEqual(allowed([a, b]), [8, 8]);
});

test('C9: what fails for one tenant alone takes no server from others that it works for, until it fails for them', () => {
  const { ended, allowed } = rig(true);
  for (const failure of [cut, hung, fail('upstream_failed', '500')]) {
    for (let count = 0; count < 30; count += 1) ended(a, failure, { tenant: 'one' });
    for (let count = 0; count < 30; count += 1) ended(a, 'left', { ...leftLong, tenant: 'one' });
  }
  assert.deepEqual(allowed([a, b]), [8, 8]);
  ended(a, cut, { tenant: 'another' });
  assert.deepEqual(allowed([a, b]), [0, 8]);
});

test('C9: what befell another tenant longer ago than the last outcomes takes no server from those whom one tenant harms alone', () => {
  const { ended, allowed } = rig(true);
  ended(a, cut, { tenant: 'another' });
  // Less than half fail until that is forgotten, and half from then on.
  for (let count = 0; count < 40; count += 1) {
    ended(a, 'served', { tenant: 'another' });
    if (count < 20) ended(a, 'served', { tenant: 'another' });
    ended(a, cut, { tenant: 'one' });
  }
  assert.deepEqual(allowed([a, b]), [8, 8]);
});

test('C9: a client that left for reasons of its own is not counted among what one tenant met alone', () => {
  const { ended, allowed } = rig(true);
  ended(a, 'left', { ...leftLong, tenant: 'another' });
  ended(a, 'left', { firstContentMs: 5, tenant: 'another' });
  for (let count = 0; count < 5; count += 1) ended(a, cut, { tenant: 'one' });
  assert.deepEqual(allowed([a, b]), [8, 8]);
});

test('C9: a model that fails for the only tenant who uses it is left out, whoever uses others there', () => {
  const other = { ...a, model: 'other' };
  const { ended, allowed } = rig('other');
  for (let count = 0; count < 5; count += 1) ended(a, cut, { tenant: 'one' });
  assert.deepEqual(
    [allowed([a, b], 'one'), allowed([other, b], 'one')],
    [
      [0, 8],
      [8, 8],
    ],
  );
});

test('C9: a tenant whose requests alone fail keeps no server from another who comes later, however often it tries', () => {
  const { clock, health, ended, allowed } = rig();
  for (let count = 0; count < 5; count += 1) ended(a, cut, { tenant: 'one' });
  for (let tries = 1; tries < 5; tries += 1) {
    assert.deepEqual(
      [allowed([a, b], 'one'), allowed([a, b], 'another')],
      [
        [0, 8],
        [8, 8],
      ],
    );
    clock.advance(tries * 30_000);
    assert.deepEqual(allowed([a, b], 'one'), [8, 8]);
    health.began(a);
    assert.deepEqual(allowed([a, b], 'another'), [0, 8], 'one at a time');
    ended(a, cut, { tenant: 'one', tookMs: 0 });
  }
  health.began(a);
  assert.deepEqual(allowed([a, b], 'another'), [0, 8]);
  assert.equal(health.refusal(wantOf([a], { tenant: 'another' })), undefined, 'it waits for how that ends');
  ended(a, 'served', { tenant: 'another', tookMs: 0 });
  assert.deepEqual([allowed([a, b], 'another'), health.of(a.upstream).standing], [[1, 8], 'returning']);
});

test('C9: what two tenants find broken one after the other is left alone by all, for as long as the first try said', () => {
  const { clock, health, ended, allowed } = rig();
  for (const tenant of ['one', 'another', 'one', 'another', 'one']) ended(a, cut, { tenant });
  assert.deepEqual(allowed([a, b], 'third'), [0, 8]);
  clock.advance(30_000);
  for (const tenant of ['one', 'another']) {
    assert.deepEqual(allowed([a, b], tenant), [8, 8]);
    health.began(a);
    ended(a, cut, { tenant, tookMs: 0 });
  }
  clock.advance(59_999);
  assert.deepEqual(allowed([a, b], 'third'), [0, 8]);
  clock.advance(1);
  assert.deepEqual(allowed([a, b], 'third'), [8, 8]);
});

test('what nobody can bring about from outside counts whoever meets it', () => {
  const { ended, allowed } = rig(true);
  for (let count = 0; count < 5; count += 1) ended(a, refused, { tenant: 'one' });
  assert.deepEqual(allowed([a, b]), [0, 8]);
});
