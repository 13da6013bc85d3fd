/**
 * What it costs to find out what keys had spent that come for the first time under a budget: `node bench/first-asks.ts [KEYS] [DAYS]`.
 * All as in the running gateway: the ledger's sums in SQLite, the spool before it.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import type { LedgerRow } from '../src/core/ledger.ts';
import { systemClock as clock } from '../src/lib/clock.ts';
import { uuidv7 } from '../src/lib/uuid.ts';
import { windowAt } from '../src/stores/budget-rules.ts';
import { createMemoryBudgets } from '../src/stores/memory/budgets.ts';
import { openStore } from '../src/stores/open-store.ts';
import { openSpool } from '../src/stores/spool/open-spool.ts';
import { durableStoreOption } from '../src/stores/store-options.ts';
import { createBudgeting } from '../src/wiring/budgeting.ts';

const [keys = 10_000, days = 20] = process.argv.slice(2).map(Number);
const dir = await mkdtemp(join(tmpdir(), 'millrace-bench-first-asks-'));
const store = await openStore(durableStoreOption.parse('sqlite'), {
  dataDir: dir,
  replicas: () => 1,
  clock,
  onTrouble: console.error,
});
await store.migrate();
const window = windowAt('month', clock.wall());
const rows: LedgerRow[] = [];
for (let day = 0; day < days; day += 1)
  for (let key = 0; key < keys; key += 1)
    rows.push(rowOf(`key-${key}`, window.startMs + day * 86_400_000 + key));
for (let from = 0; from < rows.length; from += 5_000)
  await store.ledger.append(rows.slice(from, from + 5_000));
const nothing = () => {};
const told = {
  cannotWrite: nothing,
  cannotShip: nothing,
  refused: nothing,
  lost: nothing,
  wentDown: nothing,
};
const spool = await openSpool({ dir: join(dir, 'spool'), clock, ledger: store.ledger, told });
const kept = { find: () => undefined, since: () => Promise.resolve(undefined) };
const budgeting = createBudgeting({
  ledger: store.ledger,
  spool,
  alarms: { budgetCrossed: nothing },
  kept,
  clock,
});

const cases = [
  { name: '100, one after the other', count: 100, everyMs: 0 },
  { name: '100 at once', count: 100, everyMs: undefined },
  { name: '1,000 at once', count: 1_000, everyMs: undefined },
  { name: '600, one each 6 ms', count: 600, everyMs: 6 },
] as const satisfies readonly Case[];
let next = 0;
for (let round = 0; round < 2; round += 1) for (const one of cases) await measure(one);
await spool.close();
await store.close();
await rm(dir, { recursive: true });

interface Case {
  readonly name: string;
  readonly count: number;
  /** 0 where each waits for the one before. */
  readonly everyMs: number | undefined;
}

/** Against the same callers once more, who are known by then. */
async function measure({ name, count, everyMs }: Case): Promise<void> {
  const budget = { per: 'key', usd: 1_000, window: 'month', alertAt: [] } as const;
  const budgets = createMemoryBudgets([budget], { ...budgeting, clock });
  const first = next;
  next += count;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  // It wakes the loop itself, which is much of what is measured where somebody waits.
  if (everyMs === undefined) delay.enable();
  const coming = await pass();
  delay.disable();
  const known = await pass();
  const each = (coming.cpuUs - known.cpuUs) / count;
  console.log(
    `${name}: ${each.toFixed(0)} us of the main thread each, longest wait ${coming.longestMs.toFixed(0)} ms, ` +
      `refused ${coming.refused}${everyMs === undefined ? `, loop held ${(delay.max / 1e6).toFixed(0)} ms` : ''}`,
  );

  async function pass() {
    const cpu = process.threadCpuUsage();
    let refused = 0;
    let longestMs = 0;
    const ask = async (key: string) => {
      const startMs = performance.now();
      const subject = { key, user: '', team: '', tenant: 't' };
      const decision = await budgets.reserve(subject, { nanoUsd: 1, tokens: 1, requests: 1 });
      longestMs = Math.max(longestMs, performance.now() - startMs);
      if (!decision.allowed) refused += 1;
    };
    const asked: Promise<void>[] = [];
    for (let at = 0; at < count; at += 1) {
      asked.push(ask(`key-${(first + at) % keys}`));
      if (everyMs === 0) await asked.at(-1);
      else if (everyMs !== undefined) await setTimeout(everyMs);
    }
    await Promise.all(asked);
    const { user, system } = process.threadCpuUsage(cpu);
    return { cpuUs: user + system, refused, longestMs };
  }
}

function rowOf(key: string, atMs: number): LedgerRow {
  return {
    id: uuidv7(atMs),
    atMs,
    tenant: 't',
    team: '',
    user: '',
    key,
    route: 'openai.chat',
    model: 'm',
    upstream: 'u',
    targetModel: 'm',
    outcome: 'complete',
    code: '',
    status: 200,
    stream: false,
    tookMs: 1,
    firstTokenMs: 0,
    queuedMs: 0,
    failedTries: 0,
    inputTokens: 7,
    cachedInputTokens: 0,
    outputTokens: 5,
    reasoningTokens: 0,
    priceVersion: 'v',
    costNanoUsd: 1_000,
    savedNanoUsd: 0,
    savedBy: '',
    facts: {},
  };
}
