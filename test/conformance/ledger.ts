/** What every driver of `Ledger` promises. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LedgerFacts, LedgerQuestion, LedgerRow } from '../../src/core/ledger.ts';
import { ledgerDimensions, rowDimensions } from '../../src/core/ledger.ts';
import type { Ledger } from '../../src/core/ports.ts';
import { hasCode } from '../stores/failure-code.ts';

import { byText, dayOf, expected, expectedHours, isWithin } from './ledger-by-hand.ts';

export interface OpenedLedger {
  readonly ledger: Ledger;
  close(): Promise<void>;
}

const dayMs = 86_400_000;
const hourMs = 3_600_000;
const firstDayMs = Date.UTC(2026, 0, 1);
const everything: LedgerQuestion = {
  fromDay: '2026-01-01',
  toDay: '2027-01-01',
  by: [],
  where: {},
  rowsMax: 10_000,
};

export function aRow(changed: Partial<LedgerRow> = {}): LedgerRow {
  return {
    id: crypto.randomUUID(),
    atMs: firstDayMs,
    tenant: 'acme',
    team: 'search',
    user: 'ada',
    key: 'k1',
    route: '/v1/chat/completions',
    model: 'gemma',
    upstream: 'gpu-a',
    targetModel: 'gemma2:2b',
    outcome: 'complete',
    code: '',
    status: 200,
    stream: true,
    tookMs: 1_200,
    firstTokenMs: 90,
    queuedMs: 4,
    failedTries: 1,
    inputTokens: 100,
    cachedInputTokens: 40,
    outputTokens: 20,
    reasoningTokens: 5,
    priceVersion: '2026-01',
    costNanoUsd: 1_500,
    savedNanoUsd: 700,
    savedBy: 'routing',
    facts: {},
    ...changed,
  };
}

/** `open` gives an empty ledger each time. */
export function ledgerConformance(driver: string, open: () => Promise<OpenedLedger>): void {
  const promise = (name: string, run: (ledger: Ledger) => Promise<void>) =>
    test(`${driver}: ${name}`, async () => {
      const opened = await open();
      await run(opened.ledger).finally(() => opened.close());
    });

  promise('a row comes back as it was kept, whatever is in its names', async (ledger) => {
    const rows = [
      aRow({ tenant: "o'neill; drop table ledger", user: 'жена 👩‍💻', model: '"quoted"', route: '' }),
      aRow({ atMs: firstDayMs + 1, outcome: 'lost', stream: false, status: 499, savedBy: '' }),
      aRow({ atMs: firstDayMs + 2, costNanoUsd: Number.MAX_SAFE_INTEGER, inputTokens: 0 }),
      aRow({ atMs: firstDayMs + 3, facts: { policy: 'auto', why: 'tier', tier: 2, carriedOn: 1 } }),
      aRow({
        atMs: firstDayMs + 4,
        facts: { batchedWith: 3, sharedWith: 2, sharedFrom: 'x', serviceTier: 'flex' },
      }),
    ];
    await ledger.append(rows);
    const { rows: found, next } = await ledger.page({ ...everything, rowsMax: 10 });
    assert.deepEqual(found, rows);
    assert.equal(next, undefined);
  });

  promise('names that no database takes are kept as far as they can be', async (ledger) => {
    await ledger.append([aRow({ model: `a\u0000b\ud800${'x'.repeat(5_000)}`, user: 'u\u0000' })]);
    const [row] = (await ledger.page({ ...everything, rowsMax: 1 })).rows;
    assert.match(row?.model ?? '', /^ab\ufffdx{200,}$/);
    assert.deepEqual(await totals(ledger, { where: { user: 'u\u0000' } }), [1]);
  });

  promise('a batch that is sent twice changes nothing, sums included', async (ledger) => {
    const rows = Array.from({ length: 700 }, (_, at) =>
      aRow({ atMs: firstDayMs + at * 60_000, key: `k${at % 7}` }),
    );
    await ledger.append(rows);
    const once = await ledger.sum({ ...everything, by: ['day', 'key'] });
    await ledger.append(rows);
    await ledger.append([...rows.slice(300), ...rows.slice(0, 300), ...rows.slice(0, 5)]);
    assert.deepEqual(await ledger.sum({ ...everything, by: ['day', 'key'] }), once);
    assert.deepEqual(await totals(ledger, {}), [700]);
  });

  promise('all rows are kept or none', async (ledger) => {
    const broken = aRow({ tookMs: 1.5 });
    await assert.rejects(ledger.append([aRow(), broken, aRow()]), /tookMs/);
    await assert.rejects(ledger.append([aRow(), aRow({ costNanoUsd: 2 ** 53 })]), /costNanoUsd/);
    assert.deepEqual(await totals(ledger, {}), [0]);
    assert.deepEqual((await ledger.page({ ...everything, rowsMax: 9 })).rows, []);
  });

  promise('an empty batch is nothing', async (ledger) => {
    await ledger.append([]);
    assert.deepEqual(await totals(ledger, {}), [0]);
  });

  promise(
    'sums by every dimension, alone and together, ordered, filtered and within days',
    async (ledger) => {
      const rows = variedRows();
      await ledger.append(rows);
      const every = [...ledgerDimensions, ...rowDimensions].map((one) => [one]);
      for (const by of [
        ...every,
        ['tenant', 'day', 'outcome'] as const,
        ['day', 'code', 'stream'] as const,
      ]) {
        const question = { ...everything, by };
        assert.deepEqual(await ledger.sum(question), expected(rows, question), `by ${by.join(', ')}`);
      }
      const some = { ...everything, fromDay: '2026-01-02', toDay: '2026-01-04', by: ['key'] as const };
      assert.deepEqual(await ledger.sum(some), expected(rows, some));
      const filtered = { ...everything, by: ['day'] as const, where: { tenant: 't1', outcome: 'failed' } };
      assert.deepEqual(await ledger.sum(filtered), expected(rows, filtered));
      for (const where of [
        { code: 'upstream_cut' },
        { stream: 'false', tenant: 't1' },
        { targetModel: 'm2:b' },
        { status: '503' },
        { policy: 'a "weighted" \\ {one}', why: 'only' },
        { tier: '0', batchedWith: '12' },
        { sharedFrom: 'жена', carriedOn: '0' },
        { policy: '', sharedWith: '0' },
        { serviceTier: 'flex' },
        { tenant: ['t1', 't0', "o'neill"], key: ['k3', 'k7', 'k\u0000"'] },
        { outcome: 'failed', status: ['503', '200'], sharedFrom: ['жена', ''] },
      ]) {
        const asked = { ...everything, by: ['model'] as const, where };
        assert.ok(expected(rows, asked).length > 0);
        assert.deepEqual(await ledger.sum(asked), expected(rows, asked), JSON.stringify(where));
        const { rows: found } = await ledger.page({ ...everything, where });
        assert.equal(found.length, rows.filter((row) => isWithin(row, asked)).length);
      }
    },
  );

  promise(
    'asked by nothing it answers with one total, which is zero where there is nothing',
    async (ledger) => {
      assert.deepEqual(await ledger.sum(everything), [
        {
          by: {},
          exchanges: 0,
          inputTokens: 0,
          cachedInputTokens: 0,
          outputTokens: 0,
          reasoningTokens: 0,
          costNanoUsd: 0,
          savedNanoUsd: 0,
        },
      ]);
      assert.deepEqual(await ledger.sum({ ...everything, by: ['day'] }), []);
    },
  );

  promise('a sum that no number holds exactly is reported', async (ledger) => {
    const rows = [
      aRow({ costNanoUsd: Number.MAX_SAFE_INTEGER }),
      aRow({ costNanoUsd: Number.MAX_SAFE_INTEGER }),
    ];
    await ledger.append(rows);
    await assert.rejects(ledger.sum(everything));
    const exact = await ledger
      .append([aRow({ tenant: 'other' })])
      .then(() => ledger.page({ ...everything, rowsMax: 5 }));
    assert.equal(exact.rows.length, 3);
  });

  promise('pages tell every row once, in order of time and id, also among equal times', async (ledger) => {
    const rows = Array.from({ length: 25 }, (_, at) => aRow({ atMs: firstDayMs + Math.floor(at / 10) }));
    await ledger.append(rows);
    const found: LedgerRow[] = [];
    let after: string | undefined;
    do {
      const page = await ledger.page({
        ...everything,
        rowsMax: 4,
        ...(after === undefined ? {} : { after }),
      });
      found.push(...page.rows);
      after = page.next;
    } while (after !== undefined);
    const inOrder = rows.toSorted((one, other) => one.atMs - other.atMs || byText(one.id, other.id));
    assert.deepEqual(found, inOrder);
  });

  promise('pages are filtered and stay within days', async (ledger) => {
    const rows = variedRows();
    await ledger.append(rows);
    const question = { fromDay: '2026-01-02', toDay: '2026-01-03', where: { tenant: 't1' }, rowsMax: 1_000 };
    const ids = (await ledger.page(question)).rows.map(({ id }) => id);
    const wanted = rows.filter((row) => row.tenant === 't1' && dayOf(row) === '2026-01-02');
    assert.deepEqual(ids.toSorted(), wanted.map(({ id }) => id).toSorted());
  });

  promise('months add up to what their days do, whatever the days are asked for', async (ledger) => {
    const rows = Array.from({ length: 400 }, (_, at) =>
      aRow({ atMs: firstDayMs + at * 11 * hourMs, key: `k${at % 3}`, outputTokens: at }),
    );
    await ledger.append(rows.slice(0, 250));
    await ledger.append(rows.slice(200));
    for (const [fromDay, toDay] of [
      ['2026-01-01', '2026-04-01'],
      ['2026-01-31', '2026-06-02'],
      ['2026-01-05', '2026-01-31'],
      ['2025-11-07', '2026-03-01'],
      ['2026-04-02', '2026-04-02'],
      ['2026-05-01', '2026-02-01'],
    ] as const) {
      const question = { ...everything, fromDay, toDay, by: ['key'] as const };
      assert.deepEqual(await ledger.sum(question), expected(rows, question), `${fromDay} ${toDay}`);
    }
    const one = { ...everything, where: { key: 'k1' } };
    assert.deepEqual(await ledger.sum({ ...one, by: ['model'] }), expected(rows, { ...one, by: ['model'] }));
  });

  promise(
    'hours tell what each model of each upstream was asked for, and nothing of what took nothing',
    async (ledger) => {
      const rows = [...variedRows(), aRow({ upstream: '', targetModel: '', outcome: 'lost' })];
      const nothing = {
        inputTokens: 0,
        cachedInputTokens: 0,
        outputTokens: 0,
        reasoningTokens: 0,
        costNanoUsd: 0,
      };
      const madeUp = aRow({ atMs: firstDayMs - 40 * dayMs, targetModel: 'made-up', ...nothing });
      await ledger.append([...rows, madeUp]);
      await ledger.append(rows.slice(0, 5));
      const question = { fromDay: '2026-01-01', toDay: '2026-01-04', rowsMax: 10_000 };
      const { hours, firstMs } = await ledger.hours(question);
      assert.deepEqual(
        hours,
        expectedHours(rows.filter((row) => isWithin(row, { ...everything, ...question }))),
      );
      assert.equal(firstMs, Math.min(...rows.map(({ atMs }) => atMs - (atMs % hourMs))));
      const none = await ledger.hours({ ...question, toDay: '2026-01-01' });
      assert.deepEqual(none, { hours: [], firstMs });
      await assert.rejects(ledger.hours({ ...question, rowsMax: 1 }), hasCode('invalid_request'));
    },
  );

  promise('hours of an empty ledger are none', async (ledger) => {
    const question = { fromDay: '2026-01-01', toDay: '2026-02-01', rowsMax: 10 };
    assert.deepEqual(await ledger.hours(question), { hours: [] });
  });

  promise('a question that cannot be is refused as the client’s', async (ledger) => {
    const refused = hasCode('invalid_request');
    await assert.rejects(ledger.page({ ...everything, after: 'nonsense' }), refused);
    await assert.rejects(ledger.page({ ...everything, fromDay: 'yesterday' }), refused);
    await assert.rejects(ledger.sum({ ...everything, toDay: '2026-13-01' }), refused);
    await assert.rejects(ledger.sum({ ...everything, rowsMax: 0 }), refused);
    const where = { nobody: 'x' } as LedgerQuestion['where'];
    await assert.rejects(ledger.sum({ ...everything, where }), refused);
    await assert.rejects(ledger.page({ ...everything, where }), refused);
  });

  promise(
    'ten who append the same rows in different orders at once neither fail nor count twice (R4)',
    async (ledger) => {
      const rows = Array.from({ length: 300 }, (_, at) => aRow({ key: `k${at % 40}`, tenant: `t${at % 3}` }));
      const orders = Array.from({ length: 10 }, (_, at) => [
        ...rows.slice(at * 30),
        ...rows.slice(0, at * 30),
      ]);
      await Promise.all(orders.map((order, at) => ledger.append(at % 2 === 0 ? order : order.toReversed())));
      assert.deepEqual(await totals(ledger, {}), [300]);
      const question = { ...everything, by: ['key', 'tenant'] as const };
      assert.deepEqual(await ledger.sum(question), expected(rows, question));
    },
  );

  test(`${driver}: any appends, however split and repeated, sum up to the distinct rows`, async (t) => {
    const opened = await open();
    t.after(() => opened.close());
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(anyRow, { maxLength: 12 }), { maxLength: 6 }), async (batches) => {
        // A tenant and ids of its own: emptying the ledger each time would take longer.
        run += 1;
        const tenant = `run-${run}`;
        const own = batches.map((batch) => batch.map((row) => ({ ...row, tenant, id: `${run}-${row.id}` })));
        for (const batch of own) await opened.ledger.append(batch);
        const distinct = new Map<string, LedgerRow>();
        for (const row of own.flat()) if (!distinct.has(row.id)) distinct.set(row.id, row);
        const question = { ...everything, by: ['day', 'key', 'savedBy'] as const, where: { tenant } };
        assert.deepEqual(await opened.ledger.sum(question), expected([...distinct.values()], question));
      }),
      { numRuns: 60 },
    );
  });
}

/** Few ids, so that many come twice, and then with other contents: the first that came counts. */
const anyRow = fc
  .record({
    id: fc.integer({ min: 0, max: 15 }).map(String),
    atMs: fc.integer({ min: firstDayMs, max: firstDayMs + 3 * dayMs }),
    key: fc.constantFrom('k1', 'k2', 'K1', 'ключ'),
    savedBy: fc.constantFrom('' as const, 'cache' as const),
    inputTokens: fc.nat(),
    costNanoUsd: fc.nat({ max: 10 ** 12 }),
  })
  .map((changed) => aRow(changed));

function variedRows(): readonly LedgerRow[] {
  const outcomes = ['complete', 'failed', 'aborted', 'lost'] as const;
  const savedBy = ['', 'cache', 'routing', 'self-hosting'] as const;
  return Array.from({ length: 600 }, (_, at) =>
    aRow({
      atMs: firstDayMs + (at % 5) * dayMs + at * 1_000,
      tenant: `t${at % 3}`,
      team: at % 2 === 0 ? 'Search' : 'ads',
      user: `u${at % 11}`,
      key: `k${at % 13}`,
      route: at % 4 === 0 ? '/api/chat' : '/v1/chat/completions',
      model: `m${at % 6}`,
      upstream: `up${at % 2}`,
      targetModel: `m${at % 6}:${at % 4 === 0 ? 'a' : 'b'}`,
      code: at % 4 === 1 ? 'upstream_cut' : '',
      stream: at % 7 === 0,
      priceVersion: at % 2 === 0 ? '2026-01' : '2026-02',
      outcome: outcomes[at % 4] ?? 'complete',
      savedBy: savedBy[at % 3] ?? '',
      inputTokens: at,
      costNanoUsd: at * 1_000,
      status: at % 9 === 0 ? 503 : 200,
      facts: variedFacts(at),
    }),
  );
}

/** Some rows have none, some a few. */
function variedFacts(at: number): LedgerFacts {
  if (at % 5 === 0) return {};
  return {
    policy: at % 2 === 0 ? 'auto' : 'a "weighted" \\ {one}',
    why: at % 3 === 0 ? 'tier' : 'only',
    ...(at % 3 === 0 && { tier: 2 + (at % 10) }),
    ...(at % 7 === 0 && { carriedOn: 1 }),
    ...(at % 11 === 0 && { batchedWith: 12, sharedWith: 3 }),
    ...(at % 13 === 0 && { sharedFrom: 'жена' }),
    ...(at % 17 === 0 && { serviceTier: 'flex' }),
  };
}

async function totals(ledger: Ledger, changed: Partial<LedgerQuestion>): Promise<readonly number[]> {
  return (await ledger.sum({ ...everything, ...changed })).map(({ exchanges }) => exchanges);
}
