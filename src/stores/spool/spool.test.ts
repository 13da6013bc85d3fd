import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  alone,
  end,
  intent,
  masterKeys,
  masterKeyText,
  openRig,
  story,
  until,
} from '../../../test/stores/spool-rig.ts';
import { fail } from '../../core/failure.ts';
import type { Ledger } from '../../core/ports.ts';
import { systemClock } from '../../lib/clock.ts';
import { createSealingKey, KeyRing } from '../../lib/seal.ts';
import { LineOpener, LineSeal } from './sealed-lines.ts';

const facts = ',"policy":"auto","why":"tier","tier":2,"sharedWith":2,"serviceTier":"flex","carriedOn":[{}]';

story(
  'what is settled comes into the ledger with all that was told, once, and its file goes',
  async (rig) => {
    const spool = await rig.open();
    await spool.intend(intent('a'));
    spool.settle([{ line: end('a', `,"reasoningTokens":3${facts}`), begun: true }]);
    await until(rig, 'shipped', async () => (await rig.rows()).length === 1);
    spool.settle([alone(end('b'))]);
    await spool.close();
    const rows = await rig.rows();
    assert.deepEqual(rows[0], {
      ...{
        id: 'a',
        atMs: 1_767_225_600_000,
        tenant: 't',
        team: '',
        user: '',
        key: 'k',
        route: 'openai.chat',
      },
      ...{
        model: 'm',
        upstream: 'u',
        targetModel: 'real',
        outcome: 'complete',
        code: '',
        status: 200,
        stream: true,
      },
      ...{
        tookMs: 12,
        firstTokenMs: 3,
        queuedMs: 7,
        failedTries: 1,
        inputTokens: 7,
        cachedInputTokens: 2,
        outputTokens: 5,
        reasoningTokens: 3,
      },
      ...{ priceVersion: '', costNanoUsd: 0, savedNanoUsd: 0, savedBy: '' },
      facts: { policy: 'auto', why: 'tier', tier: 2, carriedOn: 1, sharedWith: 2, serviceTier: 'flex' },
    });
    assert.deepEqual(
      rows.map(({ id }) => id),
      ['a', 'b'],
    );
    assert.deepEqual(rig.files(), []);
    assert.deepEqual(rig.told, []);
    assert.equal(spool.lost, 0);
  },
);

story(
  'G21: an intent is in the file when it resolves, and those of one turn are written together',
  async (rig) => {
    const spool = await rig.open();
    const written = ['a', 'b', 'c'].map((id) => spool.intend(intent(id)));
    assert.deepEqual(rig.files(), [], 'nothing is written within the turn');
    await written[0];
    const [file = ''] = rig.files();
    assert.equal(`${rig.lines(file).join('\n')}\n`, ['a', 'b', 'c'].map(intent).join(''));
    assert.equal(readFileSync(join(rig.dir, file), 'utf8').includes('openai'), !rig.sealsLines);
    await spool.close();
  },
);

story(
  'G21: of a process that was killed nothing is missing: what ended is kept, what was begun is closed as lost',
  async (rig) => {
    const script = `
    import { openSpool } from ${JSON.stringify(new URL('./open-spool.ts', import.meta.url).href)};
    import { systemClock as clock } from ${JSON.stringify(new URL('../../lib/clock.ts', import.meta.url).href)};
    import { KeyRing, parseKey } from ${JSON.stringify(new URL('../../lib/seal.ts', import.meta.url).href)};
    const masterKeys = new KeyRing(parseKey('${masterKeyText}'));
    const ledger = { append: () => new Promise(() => {}) };
    const nothing = () => {};
    const told = { cannotWrite: nothing, cannotShip: nothing, refused: nothing, lost: nothing, wentDown: nothing };
    const spool = await openSpool({ dir: ${JSON.stringify(rig.dir)}, clock, ledger, told, masterKeys, sealsLines: ${rig.sealsLines} });
    const lines = ${JSON.stringify([intent('x'), intent('y'), intent('z'), end('x'), end('y')])};
    for (const line of lines.slice(0, 3)) await spool.intend(line);
    for (const line of lines.slice(3)) spool.settle([{ line, begun: true }]);
    process.stdout.write('written');
  `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');

    // It stood still in 2026-01 by the held clock, and was alive a moment ago by its own: another is not dead so soon.
    const early = await rig.open();
    await early.close();
    assert.deepEqual(await rig.rows(), []);

    rig.clock.advance(systemClock.wall() - rig.clock.wall() + 61_000);
    const spool = await rig.open();
    await until(rig, 'recovered', () => rig.told.includes('lost: 1'));
    await spool.close();
    assert.deepEqual(
      (await rig.rows()).map(({ id, outcome, model, key }) => [id, outcome, model, key]),
      [
        ['x', 'complete', 'm', 'k'],
        ['y', 'complete', 'm', 'k'],
        ['z', 'lost', 'm', 'k'],
      ],
    );
    assert.deepEqual(rig.files(), []);
  },
);

story('G21: a machine that went down is told of, since its last second may be missing', async (rig) => {
  const died = await rig.open();
  await died.intend(intent('a'));
  await died.close();
  assert.equal(rig.told.length, 0, 'an end in order is none to tell of');
  const lastHeardS = rig.clock.wall() / 1_000 - uptime() - 60;
  const alive = join(rig.dir, '00000000-0000-7000-8000-000000000000.alive');
  writeFileSync(alive, '');
  utimesSync(alive, lastHeardS, lastHeardS);
  const next = await rig.open();
  await until(rig, 'told', () => rig.told.some((line) => line.startsWith('went down: ')));
  await next.close();
  const again = await rig.open();
  await again.close();
  assert.equal(rig.told.filter((line) => line.startsWith('went down: ')).length, 1, 'once');
});

story('a line that broke off is passed over, and those around it are kept', async (rig) => {
  const first = await rig.open();
  await first.close();
  const path = join(rig.dir, '00000000-0000-4000-8000-000000000000.000000000.jsonl');
  writeFileSync(path, `${end('a')}${end('b').slice(0, 60)}\n${end('c')}${intent('d').slice(0, 20)}`);
  const spool = await rig.open();
  await until(rig, 'recovered', async () => (await rig.rows()).length === 2);
  await spool.close();
  assert.deepEqual(rig.files(), []);
});

story(
  'DP9: rows wait in the spool for a ledger that is not there, which is told once, and come in when it is back',
  async (rig) => {
    let down = true;
    let asked = 0;
    const ledger: Pick<Ledger, 'append'> = {
      append: (rows) => {
        asked += 1;
        return down
          ? Promise.reject(fail('dependency_unavailable', 'the database is gone'))
          : rig.ledger.append(rows);
      },
    };
    const spool = await rig.open({ ledger });
    for (let id = 0; id < 250; id += 1) spool.settle([alone(end(`e${id}`))]);
    await until(rig, 'asked thrice', () => asked >= 3);
    assert.deepEqual(rig.told, ['ship: the database is gone']);
    down = false;
    await until(rig, 'all in', async () => (await rig.rows()).length === 250);
    await until(rig, 'told', () => rig.told.length === 2);
    assert.deepEqual(rig.told, ['ship: the database is gone', 'ship: again']);
    await spool.close();
    assert.deepEqual(rig.files(), []);
  },
);

story(
  'a row that the ledger never takes is put aside and told of, and holds up none of its neighbours',
  async (rig) => {
    const spool = await rig.open();
    for (let id = 10; id < 40; id += 1) {
      spool.settle([
        alone(id === 23 ? end('e23').replace('"inputTokens":7', '"inputTokens":0.5') : end(`e${id}`)),
      ]);
    }
    await until(rig, 'put aside', () => rig.told.includes('refused: e23'));
    await spool.close();
    assert.equal((await rig.rows()).length, 29);
    assert.match(readFileSync(join(rig.dir, 'refused.jsonl'), 'utf8'), /^\{"id":"e23".*\}\n$/);
  },
);

story(
  'full files follow one another and go when they are done with, but not while an exchange in them goes on',
  async (rig) => {
    const spool = await rig.open({ segmentBytesMax: 2_000 });
    await spool.intend(intent('long'));
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    for (let id = 0; id < 40; id += 1) {
      spool.settle([alone(end(`e${id}`))]);
      await turn();
    }
    assert.ok(rig.files().length > 5, `${rig.files().length} files`);
    await until(rig, 'shipped', async () => (await rig.rows()).length === 40);
    await until(rig, 'gone', () => rig.files().length === 2);
    assert.match(rig.files()[0] ?? '', /000000000\.jsonl$/, 'the first one still holds the intent');
    spool.settle([{ line: end('long'), begun: true }]);
    await until(rig, 'gone', () => !(rig.files()[0] ?? '').endsWith('000000000.jsonl'));
    await spool.close();
    assert.deepEqual(rig.files(), []);
  },
);

story(
  'K1: a full spool loses what begins and never an end of what it let begin, tells of it once, and takes all again when there is room',
  async (rig) => {
    let down = true;
    const ledger: Pick<Ledger, 'append'> = {
      append: (rows) =>
        down
          ? Promise.reject(fail('dependency_unavailable', 'the database is gone'))
          : rig.ledger.append(rows),
    };
    const spool = await rig.open({ ledger, segmentBytesMax: 1_000, spoolBytesMax: 20_000 });
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const goingOn = ['long', 'longer', 'longest'];
    for (const id of goingOn) assert.ok(await spool.intend(intent(id)));
    for (let id = 0; id < 60; id += 1) {
      const begun = await spool.intend(intent(`e${id}`));
      spool.settle([{ line: end(`e${id}`), begun }]);
      await turn();
    }
    const lostBefore = spool.lost;
    assert.ok(lostBefore > 40, `${lostBefore} lost`);
    spool.settle(goingOn.map((id) => ({ line: end(id), begun: true })));
    assert.equal(rig.told.filter((line) => line.startsWith('write: the spool is full')).length, 1);
    assert.ok(!rig.told.includes('write: again'), 'it is full all the while');
    down = false;
    await until(rig, 'room', () => rig.files().length <= 1);
    spool.settle([alone(end('after'))]);
    await until(rig, 'kept', async () => (await rig.rows()).some(({ id }) => id === 'after'));
    const ended = (await rig.rows()).filter(({ id }) => goingOn.includes(id));
    assert.deepEqual([...new Set(ended.map(({ outcome }) => outcome))], ['complete']);
    assert.equal(ended.length, goingOn.length);
    assert.equal(spool.lost, lostBefore);
    assert.ok(rig.told.includes('write: again'));
    await spool.close();
  },
);

story(
  'K1: what was let begin and ends while the disk takes nothing is held until it does, and is a row once',
  async (rig) => {
    // Each turn has a file of its own: without the folder there is none.
    const spool = await rig.open({ segmentBytesMax: 1 });
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const away = `${rig.dir}-away`;
    for (const id of ['one', 'two', 'three']) assert.ok(await spool.intend(intent(id)));
    renameSync(rig.dir, away);
    assert.equal(await spool.intend(intent('refused')), false);
    assert.equal(spool.lost, 1);
    spool.settle([{ line: end('one'), begun: true }]);
    spool.settle([{ line: end('two'), begun: true }, alone(end('refused'))]);
    await turn();
    assert.equal(spool.lost, 2, 'only of what was not let begin');
    const told = () => rig.told.filter((line) => line.startsWith('write: '));
    assert.equal(told().length, 1);
    const known = await spool.unshipped({ ours: false, names: [] }).catch(() => 'nobody can tell');
    assert.equal(known, 'nobody can tell');
    renameSync(away, rig.dir);
    const ours = await spool.unshipped({ ours: true, names: [[]] });
    assert.deepEqual(
      ours.map(({ id }) => id),
      ['one', 'two'],
    );
    await until(rig, 'both are in', async () => (await rig.rows()).length === 2);
    assert.equal(told().at(-1), 'write: again');
    // And of who leaves while it lasts.
    renameSync(rig.dir, away);
    spool.settle([{ line: end('three'), begun: true }]);
    renameSync(away, `${rig.dir}-left`);
    await spool.close();
    const outcomes = (await rig.rows()).map(({ id, outcome }) => `${id} ${outcome}`).sort();
    assert.deepEqual(outcomes, ['one complete', 'three complete', 'two complete']);
    assert.equal(spool.lost, 2);
  },
);

test('a sealed line that broke off loses its own turn, and one whose key broke off is followed by the key again', () => {
  const seal = new LineSeal(masterKeys());
  const turns = ['a', 'b', 'c'].map((id) => seal.seal(Buffer.from(`${intent(id)}${end(id)}`)).toString());
  const [a = '', b = '', c = ''] = turns;
  const read = (text: string) =>
    new LineOpener(masterKeys()).open(text.split('\n')).filter((line) => line !== '');
  const both = (id: string) => `${intent(id)}${end(id)}`.trimEnd().split('\n');
  assert.deepEqual(read(`${seal.head}${a}${b}${c}`), ['a', 'b', 'c'].flatMap(both));
  for (let length = 1; length < b.replace(/=*\n$/, '').length; length += 1) {
    assert.deepEqual(read(`${seal.head}${a}${b.slice(0, length)}\n${c}`), ['a', 'c'].flatMap(both));
    assert.deepEqual(read(`${seal.head}${a}${b.slice(0, length)}`), both('a'));
  }
  for (let length = 11; length < seal.head.length - 1; length += 1) {
    assert.deepEqual(read(`${seal.head.slice(0, length)}\n${seal.head}${a}`), both('a'));
  }
});

test('P10: what was sealed under the master key before is shipped with both, and waits and is told of without', async (t) => {
  const rig = await openRig(t, true);
  const seal = new LineSeal(masterKeys());
  const left = join(rig.dir, '00000000-0000-4000-8000-000000000000.000000000.jsonl');
  await (await rig.open()).close();
  writeFileSync(left, `${seal.head}${seal.seal(Buffer.from(end('a'))).toString()}`);
  const next = createSealingKey(Buffer.alloc(32, 8));
  const without = await rig.open({ masterKeys: new KeyRing(next) });
  await until(rig, 'told', () => rig.told.some((line) => /previousMasterKeys/.test(line)));
  without.settle([alone(end('b'))]);
  await without.close();
  assert.deepEqual(rig.files(), ['00000000-0000-4000-8000-000000000000.000000000.jsonl']);
  const both = await rig.open({ masterKeys: new KeyRing(next, [masterKeys().current]) });
  await until(rig, 'shipped', async () => (await rig.rows()).length === 2);
  await both.close();
  assert.deepEqual(rig.files(), []);
});

story('G11: what is not in the ledger yet can be told, of this run and of those before it', async (rig) => {
  const before = await rig.open();
  await before.intend(intent('a'));
  before.settle([{ line: end('a'), begun: true }]);
  await before.intend(intent('b').replace('}', ',"costNanoUsd":77}'));
  const spool = await rig.open();
  const unfinished = await spool.unshipped({ ours: false, names: [] });
  assert.deepEqual(
    unfinished.map(({ id, outcome, costNanoUsd }) => [id, outcome, costNanoUsd]),
    [['b', 'lost', 77]],
    'what did not end counts at what was reserved',
  );
  assert.deepEqual(
    (await rig.rows()).map(({ id }) => id),
    ['a'],
    'what ended is in the ledger by now',
  );
  before.settle([{ line: end('b'), begun: true }]);
  await before.intend(intent('c'));
  const later = await spool.unshipped({ ours: false, names: [] });
  assert.deepEqual(
    later.map(({ id }) => id),
    ['c'],
  );
  spool.settle([alone(end('d'))]);
  const ours = await spool.unshipped({ ours: true, names: [[]] });
  assert.deepEqual(ours.map(({ id }) => id).sort(), ['c', 'd']);
  await before.close();
  await spool.close();
  assert.deepEqual((await rig.rows()).map(({ id }) => id).sort(), ['a', 'b', 'c', 'd']);
});

story('G21: rows go to the ledger many at a time, however small the pieces they are read in', async (rig) => {
  const batches: number[] = [];
  const ledger: Pick<Ledger, 'append'> = {
    append: async (rows) => {
      batches.push(rows.length);
      await rig.ledger.append(rows);
    },
  };
  const spool = await rig.open({ ledger });
  for (let turn = 0; turn < 50; turn += 1) {
    spool.settle(Array.from({ length: 20 }, (_, number) => alone(end(`e${turn}.${number}`))));
  }
  await until(rig, 'shipped', () => sum(batches) >= 1_000);
  await spool.close();
  assert.equal(sum(batches), 1_000);
  assert.ok(batches.length <= 11, `a commit costs as much as some tens of rows: ${batches.join(' ')}`);
});

story('G11: of many who wait for the ledger only who is asked about is told of', async (rig) => {
  const ledger: Pick<Ledger, 'append'> = {
    append: () => Promise.reject(fail('dependency_unavailable', 'the database is gone')),
  };
  const spool = await rig.open({ ledger });
  const ends = (key: string, at: number) =>
    alone(end(`e${at}`).replace('"key":"k"', `"key":${JSON.stringify(key)}`));
  const keys = Array.from({ length: 30 }, (_, number) => `key "${number}"`);
  spool.settle(keys.map(ends));
  const asked = ['key "7"', 'key "23"'].map((key) => spool.unshipped({ ours: true, names: [['t', key]] }));
  const found = (await Promise.all(asked)).map((rows) => rows.map(({ key }) => key));
  assert.deepEqual(found, [
    ['key "7"', 'key "23"'],
    ['key "7"', 'key "23"'],
  ]);
  spool.settle([ends('key "7"', 30)]);
  assert.equal((await spool.unshipped({ ours: true, names: [['t', 'key "7"']] })).length, 2);
  assert.equal((await spool.unshipped({ ours: true, names: [[]] })).length, 31);
  await spool.close();
});

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
