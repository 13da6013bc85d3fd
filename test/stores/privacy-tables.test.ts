/** What is kept of people and lets them go, on both databases. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import type { LedgerQuestion } from '../../src/core/ledger.ts';
import { aRow } from '../conformance/ledger.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';
import { type OpenedStore, openTestStore, temporaryFolder } from './databases.ts';

let postgres: PostgresServer;
before(async () => {
  postgres = await openPostgresServer();
});
after(() => postgres.stop());

const drivers: Readonly<Record<string, (t: TestContext) => Promise<OpenedStore>>> = {
  sqlite: async (t) => openTestStore(t, 'sqlite', { dataDir: await temporaryFolder(t) }),
  postgres: async (t) => openTestStore(t, await postgres.createDatabase()),
};

function promise(name: string, run: (store: OpenedStore) => Promise<void>): void {
  for (const [driver, open] of Object.entries(drivers)) {
    test(`${driver}: ${name}`, async (t) => run(await open(t)));
  }
}

const dayMs = 86_400_000;
const firstDayMs = Date.UTC(2026, 0, 1);
const everything: LedgerQuestion = {
  fromDay: '2026-01-01',
  toDay: '2027-01-01',
  by: [],
  where: {},
  rowsMax: 10_000,
};

promise('a month keeps what its other days brought, and no name once all of them are done', async (store) => {
  const { ledger, ledgerRetention } = store;
  await ledger.append([0, 0, 20].map((day) => aRow({ atMs: firstDayMs + day * dayMs })));
  const january = { ...everything, toDay: '2026-02-01', by: ['user'] as const };
  const users = async () => (await ledger.sum(january)).map(({ by, exchanges }) => [by.user, exchanges]);
  const erase = (days: number) =>
    ledgerRetention.anonymise({
      subject: { tenant: 'acme', user: 'ada' },
      alias: 'erased-1',
      untilMs: firstDayMs + days * dayMs,
    });
  assert.equal(await erase(1), 2);
  assert.deepEqual(await users(), [
    ['ada', 1],
    ['erased-1', 2],
  ]);
  assert.equal(await erase(25), 1);
  assert.deepEqual(await users(), [['erased-1', 3]]);
});

promise(
  'names are taken out of rows and sums, which stay as large as they are, and of nobody else',
  async (store) => {
    const { ledger, ledgerRetention } = store;
    const rows = Array.from({ length: 2_500 }, (_, index) =>
      aRow({ atMs: firstDayMs + (index % 3) * dayMs, key: `k${index % 7}`, costNanoUsd: index }),
    );
    const namesake = aRow({ tenant: 'globex' });
    const others = [aRow({ user: 'bob' }), namesake, aRow({ user: '' })];
    const late = aRow({ atMs: firstDayMs + 2 * dayMs + 1_000 });
    await ledger.append([...rows, ...others, late]);
    const before = await ledger.sum(everything);
    const erasure = { subject: { tenant: 'acme', user: 'ada' }, alias: 'erased-1', untilMs: late.atMs - 1 };
    assert.equal(await ledgerRetention.anonymise(erasure), 2_500);
    assert.equal(await ledgerRetention.anonymise(erasure), 0);
    assert.deepEqual(await ledger.sum(everything), before);
    const where = { tenant: 'acme', user: 'erased-1' };
    const by = await ledger.sum({ ...everything, by: ['key'], where });
    // A day's sums are of all that day: they cannot tell what came later in it.
    assert.deepEqual(
      by.map((sum) => [sum.by.key, sum.exchanges]),
      [['erased-1', 2_501]],
    );
    const { rows: left } = await ledger.page({ ...everything, where: { user: 'ada' }, rowsMax: 10 });
    assert.deepEqual(left.map(({ id }) => id).sort(), [namesake.id, late.id].sort());
    // What comes later under an alias that is there already is added to it.
    await ledger.append([aRow({ key: 'k1' })]);
    assert.equal(await ledgerRetention.anonymise(erasure), 1);
    assert.equal((await ledger.sum({ ...everything, where }))[0]?.exchanges, 2_502);
    const whole = { subject: { tenant: 'acme' }, alias: 'erased-2', untilMs: late.atMs };
    await ledgerRetention.anonymise(whole);
    assert.deepEqual(
      (await ledger.sum({ ...everything, by: ['tenant', 'user'] })).map(({ by: names }) => names),
      [
        { tenant: 'erased-2', user: '' },
        { tenant: 'globex', user: 'ada' },
      ],
    );
  },
);

promise(
  'old rows go some at a time, and the sums of their days stay',
  async ({ ledger, ledgerRetention }) => {
    await ledger.append(
      Array.from({ length: 1_500 }, (_, index) => aRow({ atMs: firstDayMs + (index % 2) * dayMs })),
    );
    const before = await ledger.sum(everything);
    assert.equal(await ledgerRetention.prune(firstDayMs + dayMs), 750);
    assert.equal(await ledgerRetention.prune(firstDayMs + dayMs), 0);
    assert.deepEqual(await ledger.sum(everything), before);
    assert.equal(await ledgerRetention.prune(firstDayMs + 2 * dayMs), 750);
  },
);

promise(
  'contents are their tenant’s alone, go when their time is over, and with their owner',
  async ({ contents }) => {
    const nowMs = Date.now();
    const of = (id: string, changed: object = {}) => ({
      id,
      tenant: 'acme',
      user: 'ada',
      atMs: nowMs,
      expiresAtMs: nowMs + dayMs,
      sealed: Buffer.from(id),
      ...changed,
    });
    const mine = ['1', '2', '3'].map((id) => of(id));
    const others = [
      of('4', { user: 'bob' }),
      of('5', { tenant: 'globex' }),
      of('6', { expiresAtMs: nowMs - 1 }),
    ];
    await contents.append([...mine, ...others, of('7', { atMs: nowMs + 1_000 })]);
    await contents.append([of('1', { sealed: Buffer.from('another') })]);
    const owner = { tenant: 'acme', user: 'ada' };
    const ids = async (after?: string) => (await contents.page(owner, after, 2)).map(({ id }) => id);
    assert.deepEqual([await ids(), await ids('2'), await ids('7')], [['1', '2'], ['3', '7'], []]);
    assert.equal(Buffer.from((await contents.find('acme', '1'))?.sealed ?? []).toString(), '1');
    assert.equal(await contents.find('globex', '1'), undefined);
    assert.equal(await contents.find('acme', '6'), undefined, 'its time is over');
    assert.deepEqual(await contents.prune(), { removed: 1, left: true });
    assert.deepEqual(await contents.prune(), { removed: 0, left: true });
    assert.equal(await contents.erase(owner, nowMs), 3);
    assert.deepEqual(await ids(), ['7'], 'it began later');
    assert.equal(await contents.erase({ tenant: 'acme' }, nowMs + 1_000), 2);
    assert.notEqual(await contents.find('globex', '5'), undefined);
  },
);

promise(
  'an erasure is due when its lease is over, and is one however often it is asked for',
  async ({ erasures }) => {
    const subject = { tenant: 'acme', user: 'ada' };
    const first = await erasures.begin(subject, 60_000);
    await erasures.begin({ tenant: 'acme' }, 60_000);
    assert.deepEqual(await erasures.due(10), [], 'somebody is at it');
    await erasures.postpone(first, 0);
    assert.deepEqual(await erasures.due(10), [first]);
    await erasures.postpone({ ...first, complete: true }, 0);
    assert.deepEqual(await erasures.due(10), [{ ...first, complete: true }]);
    let again = await erasures.begin(subject, 0);
    while (again.begunAtMs === first.begunAtMs) again = await erasures.begin(subject, 0);
    assert.deepEqual([again.alias, again.complete], [first.alias, false]);
    await erasures.postpone({ ...first, complete: true }, 60_000);
    await erasures.end(first);
    assert.deepEqual(
      await erasures.due(10),
      [again],
      'what was asked for again is not put off by who began before',
    );
    await erasures.end(again);
    assert.deepEqual([await erasures.due(10), await erasures.any()], [[], true]);
  },
);
