/**
 * What the ledger costs: rows appended in batches, and reports over them.
 *
 *   node bench/ledger.ts [ROWS] [postgres://…] [BATCH]      a million rows in a new SQLite file, or in an empty database
 *   node bench/ledger.ts sums [postgres://…] [BATCH]        one row for each sum that rows without end would make
 *   node bench/ledger.ts reports postgres://…               only the reports, over what a run before has left there
 */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type LedgerDimension, type LedgerRow, ledgerDimensions } from '../src/core/ledger.ts';
import type { Ledger } from '../src/core/ports.ts';
import { systemClock } from '../src/lib/clock.ts';
import { uuidv7 } from '../src/lib/uuid.ts';
import { openStore } from '../src/stores/open-store.ts';
import { durableStoreOption } from '../src/stores/store-options.ts';

const days = 90;
const keys = 300;
const firstDayMs = Date.UTC(2026, 0, 1);
const models = ['gemma', 'qwen', 'llama', 'gpt-4o-mini'] as const;

const [rowsText = '1000000', url = 'sqlite', batchText = '1000'] = process.argv.slice(2);
const turns = 100;
const isSums = rowsText === 'sums';
const isReports = rowsText === 'reports';
const distinct = isSums ? distinctRows() : [];
const rows = isSums ? distinct.length * days : Number(isReports ? 0 : rowsText);
const batchRows = Number(batchText);
const dataDir = await mkdtemp(join(tmpdir(), 'millrace-bench-ledger-'));
const store = await openStore(durableStoreOption.parse(url), {
  dataDir,
  replicas: () => 1,
  clock: systemClock,
  onTrouble: (trouble) => console.error(trouble ?? 'back'),
});
try {
  await store.migrate();
  if (!isReports) await measureAppends(store.ledger);
  await measureReports(store.ledger);
  if (url === 'sqlite') {
    const sums = await store.ledger.sum({
      fromDay: dayOf(0),
      toDay: dayOf(days),
      by: ['day', 'key', 'route', 'model', 'upstream', 'outcome', 'savedBy'],
      where: {},
      rowsMax: 100_000,
    });
    console.log(`${sums.length === 100_000 ? 'more than ' : ''}${sums.length} rows of sums by day`);
    const { size } = await stat(join(dataDir, 'millrace.sqlite'));
    console.log(`file: ${(size / 1e6).toFixed(0)} MB, ${(size / rows).toFixed(0)} bytes a row`);
  }
} finally {
  await store.close();
  await rm(dataDir, { recursive: true });
}

async function measureAppends(ledger: Ledger): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const tookMs: number[] = [];
  const cpuBefore = process.threadCpuUsage();
  const allBefore = process.cpuUsage();
  delay.enable();
  for (let from = 0; from < rows; from += batchRows) {
    const batch = Array.from({ length: Math.min(batchRows, rows - from) }, (_, at) => rowAt(from + at));
    const startMs = performance.now();
    await ledger.append(batch);
    tookMs.push(performance.now() - startMs);
  }
  delay.disable();
  const { user, system } = process.threadCpuUsage(cpuBefore);
  const all = process.cpuUsage(allBefore);
  const totalMs = tookMs.reduce((sum, ms) => sum + ms, 0);
  tookMs.sort((one, other) => one - other);
  console.log(`append: ${Math.round((rows / totalMs) * 1_000)} rows/s in batches of ${batchRows}`);
  console.log(
    `  a batch: p50 ${ms(at(tookMs, 0.5))}, p99 ${ms(at(tookMs, 0.99))}, longest ${ms(at(tookMs, 1))}`,
  );
  console.log(
    `  the gateway's thread: ${((user + system) / rows).toFixed(1)} us a row, rows made included; all threads ${((all.user + all.system) / rows).toFixed(1)}`,
  );
  console.log(`  its event loop stood still for at most ${ms(delay.max / 1e6)}`);
}

async function measureReports(ledger: Ledger): Promise<void> {
  const reports: readonly (readonly LedgerDimension[])[] = [
    [],
    ['day'],
    ['tenant', 'model'],
    ['key'],
    ['day', 'savedBy'],
    ['model', 'savedBy'],
    ['day', 'key', 'model'],
  ];
  const period = { fromDay: dayOf(0), toDay: dayOf(days), where: {} };
  for (const by of reports) {
    const name = `report by ${by.join(', ') || 'nothing'}, ${days} days`;
    await measure(name, async () => (await ledger.sum({ ...period, by, rowsMax: 100_000 })).length);
  }
  await measure('sums by hour, for what everything truly cost', async () => {
    return (await ledger.hours({ fromDay: dayOf(0), toDay: dayOf(days), rowsMax: 200_000 })).hours.length;
  });
  const ofOne = { ...period, where: { tenant: 't7' } };
  await measure('report of one tenant by day', async () => {
    return (await ledger.sum({ ...ofOne, by: ['day'], rowsMax: 1_000 })).length;
  });
  await measure(
    'first page of 1,000 rows',
    async () => (await ledger.page({ ...period, rowsMax: 1_000 })).rows.length,
  );
  await measure(
    'the same of one tenant',
    async () => (await ledger.page({ ...ofOne, rowsMax: 1_000 })).rows.length,
  );
}

async function measure(name: string, run: () => Promise<number>): Promise<void> {
  const tookMs: number[] = [];
  let answered = 0;
  for (let round = 0; round < 5; round += 1) {
    const startMs = performance.now();
    answered = await run();
    tookMs.push(performance.now() - startMs);
  }
  const [first = 0] = tookMs;
  const least = Math.min(...tookMs);
  const median = at(
    tookMs.toSorted((one, other) => one - other),
    0.5,
  );
  console.log(`${name}: first ${ms(first)}, least ${ms(least)}, median ${ms(median)}, ${answered} rows`);
}

/** Rows come in the order of time. A key has its owner and mostly one model; what else there is it meets by chance. */
function rowAt(index: number): LedgerRow {
  const atMs = firstDayMs + Math.floor((index / rows) * days * 86_400_000);
  const one = distinct[index % Math.max(1, distinct.length)];
  if (one !== undefined) return { ...one, id: uuidv7(atMs), atMs };
  return rowOf(atMs, (index * 7_919) % keys, (Math.imul(index, 2_654_435_761) >>> 8) % turns);
}

/** Of one day a row for each combination of what sums are told apart by. */
function distinctRows(): readonly LedgerRow[] {
  const found = new Map<string, LedgerRow>();
  for (let key = 0; key < keys; key += 1) {
    for (let turn = 0; turn < turns; turn += 1) {
      const row = rowOf(firstDayMs, key, turn);
      const names = ledgerDimensions.map((dimension) => (dimension === 'day' ? '' : row[dimension]));
      found.set(names.join('\n'), row);
    }
  }
  return [...found.values()];
}

function rowOf(atMs: number, key: number, turn: number): LedgerRow {
  const model = models[turn < 80 ? key % 4 : turn % 4] ?? 'gemma';
  return {
    id: uuidv7(atMs),
    atMs,
    tenant: `t${key % 20}`,
    team: `team-${key % 60}`,
    user: `user-${key}@example.org`,
    key: `key-${key}`,
    route: turn < 90 ? '/v1/chat/completions' : '/api/chat',
    model,
    upstream: turn % 2 === 0 ? 'gpu-a' : 'gpu-b',
    targetModel: `${model}:latest`,
    outcome: turn < 97 ? 'complete' : 'failed',
    code: '',
    status: 200,
    stream: true,
    tookMs: 1_200,
    firstTokenMs: 90,
    queuedMs: 0,
    failedTries: 0,
    inputTokens: 500 + turn,
    cachedInputTokens: 100,
    outputTokens: 200 + turn,
    reasoningTokens: 0,
    priceVersion: '2026-01',
    costNanoUsd: 1_500_000,
    savedNanoUsd: 700_000,
    savedBy: turn < 30 ? 'routing' : '',
    facts: { policy: 'auto', why: 'policy' },
  };
}

function dayOf(day: number): string {
  return new Date(firstDayMs + day * 86_400_000).toISOString().slice(0, 10);
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}
