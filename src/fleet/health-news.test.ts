import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeldClock } from '../../test/held-clock.ts';
import { targetOn, upstreamOf } from '../../test/targets.ts';
import { endingOf, wantOf } from '../../test/wants.ts';
import { fail } from '../core/failure.ts';
import type { OthersThere } from '../core/fleet.ts';
import { Health } from './health.ts';
import { type HealthNews, HealthTeller } from './health-news.ts';

const a = targetOn(upstreamOf('a', 4));
const b = targetOn(upstreamOf('b', 4));
const pool = [a, b];
const alone: OthersThere = { worksForOthers: () => false };
const broke = endingOf(fail('upstream_failed', 'it answered 500'));
const limited = endingOf(fail('upstream_rate_limited', 'too many', { retryAfterS: 20 }));
const silent = endingOf(fail('connect_failed', 'nobody there'));

/** Replicas that hear of one another in order, each by the name of its place. */
function replicasOf(count: number) {
  const clock = createHeldClock();
  const told: HealthNews[] = [];
  const replicas = Array.from({ length: count }, (_, me) => {
    const health = new Health(clock);
    const tell = (news: HealthNews) => {
      told.push(news);
      for (const [other, { gate: theirs }] of replicas.entries())
        if (other !== me) theirs.hear(news, me < other);
    };
    const gate = new HealthTeller({ health, nowMs: () => clock.now(), tell });
    const allows = (target = a, tenant = 'default') => gate.allows(target, 4, wantOf(pool, { tenant }));
    return { health, gate, allows };
  });
  return { clock, told, replicas, all: (target = a) => replicas.map(({ allows }) => allows(target)) };
}

test('U6: nobody asks an account that told one replica to wait, and all do again at the same time', () => {
  const { clock, replicas, all } = replicasOf(3);
  replicas[1]?.gate.ended(a, limited, alone);
  assert.deepEqual(all(), [0, 0, 0]);
  clock.advance(19_999);
  assert.deepEqual(all(), [0, 0, 0]);
  clock.advance(1);
  assert.deepEqual(all(), [4, 4, 4]);
});

test('what one replica leaves out all do, the one that found it out tries it alone, and it comes back to all', () => {
  const { clock, replicas, all } = replicasOf(3);
  const [, finder] = replicas;
  for (let count = 0; count < 5; count += 1) finder?.gate.ended(a, broke, alone);
  assert.deepEqual(all(), [0, 0, 0]);
  clock.advance(30_000);
  assert.deepEqual(all(), [0, 4, 0], 'its own part, for one try');
  finder?.gate.began(a);
  clock.advance(5_000);
  assert.deepEqual(all(), [0, 0, 0], 'one try of all');
  finder?.gate.ended(a, broke, alone);
  clock.advance(59_999);
  assert.deepEqual(all(), [0, 0, 0], 'twice as long for all');
  clock.advance(1);
  finder?.gate.began(a);
  finder?.gate.ended(a, endingOf('served'), alone);
  assert.deepEqual(all(), [1, 1, 1]);
  clock.advance(10_000);
  assert.deepEqual(all(), [4, 4, 4]);
});

test('where who found it out does not try, another one does, and of two who found it out at once one goes first', () => {
  const { clock, replicas, all } = replicasOf(2);
  for (const { gate } of replicas) gate.ended(b, limited, alone);
  for (let count = 0; count < 5; count += 1) {
    // Both fail at the same time: neither knows of the other.
    for (const { health } of replicas) health.ended(a, broke);
  }
  const opened = { kind: 'open', identity: a.upstream.identity, forMs: 30_000, rounds: 1 } as const;
  for (const [at, { gate }] of replicas.entries())
    for (const model of ['', a.model]) gate.hear({ ...opened, model, cause: 'row', tenant: '' }, at === 1);
  clock.advance(30_000);
  assert.deepEqual(all(), [4, 0]);
  clock.advance(2_000);
  assert.deepEqual(all(), [4, 4]);
  replicas[1]?.gate.began(a);
  assert.deepEqual(all(), [0, 0]);
});

test('that there is no word from a server each finds out for itself, for it may be the way to it', () => {
  const { replicas, all, told } = replicasOf(2);
  for (let count = 0; count < 5; count += 1) replicas[0]?.gate.ended(a, silent, alone);
  assert.deepEqual(all(), [0, 4]);
  assert.ok(told.length > 0);
});

test('while nothing is wrong nothing is told', () => {
  const { replicas, told } = replicasOf(2);
  for (let count = 0; count < 10; count += 1) {
    replicas[0]?.gate.began(a);
    replicas[0]?.gate.ended(a, count % 3 === 0 ? broke : endingOf('served'), alone);
  }
  assert.deepEqual(told, []);
});

test('what failed for one tenant at one replica shuts out nobody for whom the server works at another', () => {
  const { replicas } = replicasOf(2);
  const [one, two] = replicas;
  two?.gate.ended(a, endingOf('served'), { worksForOthers: (_, tenant) => tenant === 'breaks it' });
  for (let count = 0; count < 5; count += 1) one?.gate.ended(a, { ...broke, tenant: 'breaks it' }, alone);
  assert.deepEqual([one?.allows(a, 'breaks it'), two?.allows(a, 'breaks it')], [0, 4]);
});

test('what failed for one tenant alone others try at whichever replica they come to, and all know how that ended', () => {
  const { clock, replicas, all } = replicasOf(2);
  const [one, two] = replicas;
  for (let count = 0; count < 5; count += 1) one?.gate.ended(a, { ...broke, tenant: 'breaks it' }, alone);
  assert.deepEqual([two?.allows(a, 'breaks it'), two?.allows(a)], [0, 4]);
  two?.gate.began(a);
  clock.advance(5);
  assert.deepEqual(all(), [0, 0]);
  two?.gate.ended(a, { ...endingOf('served'), tenant: 'default' }, alone);
  assert.deepEqual(all(), [1, 1]);
});

test('who leaves while it tries lets another one try', () => {
  const { clock, replicas, all } = replicasOf(2);
  for (let count = 0; count < 5; count += 1) replicas[0]?.gate.ended(a, broke, alone);
  clock.advance(33_000);
  replicas[0]?.gate.began(a);
  assert.deepEqual(all(), [0, 0]);
  replicas[0]?.gate.ended(a, endingOf('left'), alone);
  assert.deepEqual(all(), [4, 4]);
});
