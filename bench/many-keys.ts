/**
 * What it costs the whole gateway that 100,000 keys ask at random, over sockets: `node bench/many-keys.ts [KEYS] [REQUESTS] [ROUNDS]`.
 * Keys lie in the store, and each has a limit; before anything is measured each has asked. Then one of them asks, and any of them, in
 * turns. The main thread is told apart: beside it the ledger is written. Budgets are the tenant's and everybody's: one of each key is
 * counted by `bench/chain.ts`, because here each would first be asked of the ledger, which takes a millisecond a key.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createDigester } from '../src/identity/digester.ts';
import { newKey } from '../src/identity/key-rules.ts';
import { systemClock as clock } from '../src/lib/clock.ts';
import { openStore } from '../src/stores/open-store.ts';
import { toColumns } from '../src/stores/sql/directory-columns.ts';
import { Child } from './child.ts';
import type { Contestant, Site } from './contestants/contestant.ts';
import type { KeyedOrder } from './keyed-load.ts';
import { modelName } from './payloads.ts';
import { msPerTick, ticksIn } from './proc.ts';
import { Rig, type Running } from './rig.ts';
import { spreadOf } from './statistics.ts';
import { tellGoal } from './tell-goal.ts';

const many = Number(process.argv[2] ?? 100_000);
const requests = Number(process.argv[3] ?? 4_000);
const rounds = Number(process.argv[4] ?? 11);
const goal = 1.1;
const pepper = 'a pepper of thirty-two characters';
const main = join(import.meta.dirname, '..', 'src', 'main.ts');
const { digest } = createDigester(pepper);
const made = Array.from({ length: many }, (_, at) =>
  newKey(
    {
      tenant: 'default',
      name: `key-${at}`,
      team: '',
      user: '',
      role: 'developer',
      expiresAtMs: 0,
      scopes: { models: [], routes: [], addresses: [] },
    },
    { digest, nowMs: 0 },
  ),
);
const keys = made.map(({ key }) => key);

const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-many-keys-'));
const data = join(folder, 'data');
mkdirSync(data);
await fillStore();
const rig = await Rig.open(folder, { gateway: undefined, mock: undefined, generator: undefined });
const options = { core: undefined, logFolder: folder, hasIpc: true };
const load = new Child(
  { file: process.execPath, args: [join(import.meta.dirname, 'keyed-load.ts')] },
  options,
);
let gateway: Running | undefined;
try {
  await load.ask(undefined, 15_000);
  gateway = await rig.start(contestant());
  await ask(gateway, { by: 'each', requests: many, keys });
  const spent = { one: [] as Spent[], any: [] as Spent[] };
  for (let round = 0; round < rounds; round += 1) {
    for (const by of ['one', 'any'] as const) spent[by].push(await measure(gateway, by));
  }
  report(spent);
} finally {
  await Promise.all([gateway?.stop(), rig.close(), load.stop()]);
  rmSync(folder, { recursive: true, force: true });
}

/** All at once, which the directory does for nobody: what it is for is one change after another. */
async function fillStore(): Promise<void> {
  const store = await openStore('sqlite', { dataDir: data, replicas: () => 1, clock, onTrouble: () => {} });
  await store.directory.changes(0, 1);
  await store.close();
  const database = new DatabaseSync(join(data, 'millrace.sqlite'));
  database.exec('begin');
  for (const [at, { draft }] of made.entries()) {
    const row = { ...toColumns(draft), version: at + 2, created_at_ms: 0 };
    const names = Object.keys(row);
    database
      .prepare(
        `insert into directory (${names.map((name) => `"${name}"`).join()}) values (${names.map(() => '?').join()})`,
      )
      .run(...Object.values(row));
  }
  database.prepare('update directory_version set version = ?').run(many + 1);
  database.exec('commit');
  database.close();
}

function contestant(): Contestant {
  return {
    name: 'many-keys',
    describe: () => `Millrace with ${many} keys, each with a limit`,
    missing: () => undefined,
    command: (site) => {
      const file = join(site.folder, 'millrace.json');
      writeFileSync(file, JSON.stringify(configOf(site)));
      return { file: process.execPath, args: [main, 'serve', '--config', file], folder: site.folder };
    },
    headers: () => ({ authorization: `Bearer ${keys[0]}` }),
  };
}

function configOf({ port, adminPort, mockPort }: Site) {
  const generous = { usd: 1_000_000, window: 'month' };
  return {
    listen: `127.0.0.1:${port}`,
    admin: { listen: `127.0.0.1:${adminPort}` },
    data,
    identity: { pepper },
    upstreams: { mock: { type: 'openai', url: `http://127.0.0.1:${mockPort}/v1`, slots: 64 } },
    models: { [modelName]: { targets: [{ upstream: 'mock', model: modelName }] } },
    limits: [
      { per: 'key', requests: '60000000/min', burst: 1_000_000 },
      { per: 'address', requests: '60000000/min', burst: 1_000_000 },
    ],
    budgets: ['tenant', 'global'].map((per) => ({ per, ...generous })),
    prices: { [modelName]: { inputPerM: 1, outputPerM: 2 } },
    drain: { preStopMs: 0 },
  };
}

interface Spent {
  /** In microseconds of CPU. */
  readonly mainUs: number;
  readonly allUs: number;
}

async function measure(gateway: Running, by: 'one' | 'any'): Promise<Spent> {
  const before = look(gateway);
  await ask(gateway, { by, requests });
  const after = look(gateway);
  const each = (ms: number) => (ms * 1_000) / requests;
  return { mainUs: each(after.mainMs - before.mainMs), allUs: each(after.allMs - before.allMs) };
}

async function ask({ url }: Running, order: Omit<KeyedOrder, 'url'>): Promise<void> {
  const { error } = (await load.ask({ url, ...order }, 600_000)) as { error?: string };
  if (error !== undefined) throw new Error(error);
}

function look({ id, usage }: Running) {
  const stat = readFileSync(`/proc/${id}/task/${id}/stat`, 'utf8');
  return { mainMs: ticksIn(stat) * msPerTick, allMs: usage()?.cpuMs ?? 0 };
}

function report(spent: { readonly one: readonly Spent[]; readonly any: readonly Spent[] }): void {
  for (const what of ['mainUs', 'allUs'] as const) {
    const [one, any] = [spent.one, spent.any].map((all) => spreadOf(all.map((each) => each[what])));
    const ratio = spreadOf(spent.any.map((each, round) => each[what] / (spent.one[round]?.[what] ?? 0)));
    console.log(
      `${what}: ${told(one)} by one of ${many}, ${told(any)} by any of them: ${told(ratio, 2)} times`,
    );
  }
  const found = spreadOf(spent.any.map(({ mainUs }, round) => mainUs / (spent.one[round]?.mainUs ?? 0)));
  const median = found?.median ?? Number.POSITIVE_INFINITY;
  tellGoal({ text: `${many} keys`, bound: `≤ ${goal}`, found: median, isMet: median <= goal });
}

function told(spread: ReturnType<typeof spreadOf>, places = 0): string {
  return [spread?.median, spread?.lower, spread?.upper].map((value) => value?.toFixed(places)).join(' · ');
}
