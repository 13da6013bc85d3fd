/**
 * Whether rows for the ledger hold up requests: a thousand exchanges a second, with a ledger that takes each row and with
 * one that is away, so that all rows wait in the spool. One after the other, or in turns; afterwards every row must be in the ledger.
 *
 *   node bench/ledger-rate.ts [SECONDS] [RATE] [ROUNDS]      60 seconds each, in one piece, at 1,000 a second
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parse } from 'yaml';
import { choosePinning } from './child.ts';
import type { Site } from './contestants/contestant.ts';
import { millrace } from './contestants/millrace.ts';
import { shortPrompt } from './payloads.ts';
import { type LoadReport, Rig, type Running } from './rig.ts';

const [secondsText = '60', rateText = '1000', roundsText = '1'] = process.argv.slice(2);
const rate = Number(rateText);
const rounds = Number(roundsText);
const warmUpMs = 2_000;
const roundMs = (Number(secondsText) * 1_000) / rounds;
const nobodyThere = 'postgres://nobody:nothing@127.0.0.1:1/none';

class Found {
  answered = 0;
  readonly #rounds: string[] = [];

  add({ total, failed }: LoadReport, cpuUs: number): void {
    this.#rounds.push(
      `p50 ${total.p50Us.toFixed(0)} us, p99 ${total.p99Us.toFixed(0)} us, CPU ${cpuUs.toFixed(0)} us, ${failed} failed`,
    );
  }

  toString(): string {
    return this.#rounds.join(' | ');
  }
}

const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-rate-'));
const withoutBudgets = join(folder, 'millrace.json');
const { budgets: _, ...config } = parse(await readFile(join(import.meta.dirname, 'millrace.yaml'), 'utf8'));
await writeFile(withoutBudgets, JSON.stringify(config));
const rig = await Rig.open(folder, choosePinning());
const sites = new Map<string, Site>();
// Neither has budgets: whose ledger cannot be asked from the start would refuse all that costs something.
const running = [await start('kept', {}), await start('waiting', { MILLRACE__STORE: nobodyThere })];
const found = new Map(running.map(({ name }) => [name, new Found()]));
try {
  for (const each of running) await ask(each, warmUpMs);
  for (let round = 0; round < rounds; round += 1) for (const each of running) await measure(each);
  for (const [name, each] of found) console.log(`rows ${name}: ${each}`);
} finally {
  for (const each of running) await each.stop();
  await rig.close();
}
const { exchanges, rows } = keptRows(sites.get('kept')?.folder ?? '');
// One more was asked by whoever waited for the start.
const asked = 1 + (found.get('kept')?.answered ?? 0);
console.log(`of ${asked} exchanges the ledger has ${rows} rows, and ${exchanges} in its sums`);
await rm(folder, { recursive: true });
process.exitCode = rows === asked && exchanges === asked ? 0 : 1;

function start(name: string, env: Readonly<Record<string, string>>): Promise<Running> {
  return rig.start({
    ...millrace,
    name,
    command: (site) => {
      sites.set(name, site);
      const command = millrace.command(site);
      return { ...command, args: command.args.with(-1, withoutBudgets), env: { ...command.env, ...env } };
    },
  });
}

async function measure(target: Running): Promise<void> {
  const before = target.usage()?.cpuMs ?? 0;
  const result = await ask(target, roundMs);
  const cpuMs = (target.usage()?.cpuMs ?? 0) - before;
  found.get(target.name)?.add(result, (cpuMs * 1_000) / Math.max(1, result.completed));
}

async function ask(target: Running, durationMs: number): Promise<LoadReport> {
  await rig.setMode({ kind: 'whole', isSplit: false });
  const result = await rig.load(target, {
    body: shortPrompt,
    expect: 'whole',
    arrivals: { kind: 'rate', perSecond: rate },
    connections: 256,
    timeoutMs: 10_000,
    durationMs,
  });
  const { statuses } = result;
  if (Object.keys(statuses).some((status) => status !== '200')) throw new Error(JSON.stringify(statuses));
  const each = found.get(target.name);
  if (each !== undefined) each.answered += result.completed;
  return result;
}

function keptRows(data: string): { rows: number; exchanges: number } {
  const database = new DatabaseSync(join(data, 'millrace.sqlite'), { readOnly: true });
  const count = (sql: string) => Number(database.prepare(sql).get()?.['n'] ?? 0);
  const counts = {
    rows: count('select count(*) as n from ledger'),
    exchanges: count('select sum(exchanges) as n from ledger_days'),
  };
  database.close();
  return counts;
}
