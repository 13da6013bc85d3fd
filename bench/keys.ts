/**
 * What it costs to know whose key it is: `node bench/keys.ts [KEYS]`, by one key and by 100,000, everything as in the
 * running gateway: carriers, keys of the configuration first, then those of the store.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { DirectoryEntry, KeyEntry } from '../src/core/directory.ts';
import type { Incoming } from '../src/core/exchange.ts';
import type { KeyStore } from '../src/core/ports.ts';
import { makeKey } from '../src/identity/api-key.ts';
import { eitherKey } from '../src/identity/credentials.ts';
import { createDigester } from '../src/identity/digester.ts';
import { KeyIndex } from '../src/identity/key-index.ts';
import { newKey } from '../src/identity/key-rules.ts';
import { presentedKey } from '../src/identity/presented-key.ts';
import { readSnapshot, writeSnapshot } from '../src/identity/signed-snapshot.ts';
import { StoredKeys } from '../src/identity/stored-keys.ts';
import { systemClock as clock } from '../src/lib/clock.ts';
import { createMemoryKeyStore } from '../src/stores/memory/key-store.ts';
import { openStore } from '../src/stores/open-store.ts';

const many = Number(process.argv[2] ?? 100_000);
const turns = 300_000;
const digester = createDigester('a pepper of thirty-two characters');
const scopes = { models: [], routes: [], addresses: [] };
const configured = createMemoryKeyStore(
  [
    {
      key: makeKey(),
      principal: { keyName: 'first', tenant: 'default', team: '', user: '', role: 'operator' },
    },
  ],
  clock,
);

const one = build(1);
const all = build(many);
const unknown = Array.from({ length: 1_000 }, makeKey);
const cases: readonly Case[] = [
  { name: 'a key that was found before, of 1', built: one, carried: one.made },
  { name: `a key that was found before, of ${many}`, built: all, carried: all.made.slice(0, 1) },
  { name: `1,000 keys in turn, of ${many}`, built: all, carried: all.made.slice(0, 1_000) },
  { name: `each of ${many} in turn`, built: all, carried: all.made },
  { name: `no key of ours, but shaped like one, beside ${many}`, built: all, carried: unknown },
];
// In turns, because the machine is not always as fast; the best round of each says what it costs.
const rounds = Array.from({ length: 7 }, () => cases.map(measure));
for (const [index, { name }] of cases.entries()) {
  const us = Math.min(...rounds.map((round) => round[index] ?? Number.POSITIVE_INFINITY));
  console.log(`${name}: ${us.toFixed(2)} us`);
}
await measureSnapshot(all.entries);
measureChange(all);
await measureUses(all);

interface Case {
  readonly name: string;
  readonly built: Built;
  /** What requests carry, one after the other. */
  readonly carried: readonly string[];
}

interface Built {
  readonly keys: StoredKeys;
  readonly find: KeyStore['find'];
  readonly entries: readonly DirectoryEntry[];
  readonly made: readonly string[];
}

function build(count: number): Built {
  const tenant = { tenant: 'default', version: 1, createdAtMs: 0, active: true };
  const entries: DirectoryEntry[] = [{ kind: 'tenant', name: '', keepContentDays: 0, ...tenant }];
  const made: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const name = `key-${index}`;
    const asked = {
      tenant: 'default',
      name,
      team: '',
      user: '',
      role: 'developer',
      expiresAtMs: 0,
      scopes,
    } as const;
    const { key, draft } = newKey(asked, { digest: digester.digest, nowMs: 0 });
    made.push(key);
    entries.push({ ...draft, version: index + 2, createdAtMs: 0 });
  }
  const before = process.memoryUsage().heapUsed;
  const startMs = performance.now();
  const keys = new StoredKeys({
    clock,
    index: new KeyIndex(() => () => true),
    digester,
    knownForMs: 900_000,
    unknown: { ask: () => undefined, assertTold: () => undefined },
  });
  keys.apply({ entries, gone: [] });
  keys.confirm(Number.POSITIVE_INFINITY);
  const tookMs = performance.now() - startMs;
  const heap = (process.memoryUsage().heapUsed - before) / 1e6;
  console.log(
    `${count} keys taken into memory in ${tookMs.toFixed(0)} ms, ${heap.toFixed(0)} MB beside the entries`,
  );
  return { keys, find: eitherKey(configured, keys).find, entries, made };
}

function measure({ built, carried }: Case): number {
  const requests = carried.map((key) => incomingWith(`Bearer ${key}`));
  const startMs = performance.now();
  for (let turn = 0; turn < turns; turn += 1) {
    const request = requests[turn % requests.length];
    // The key is cut out of its header, as in a request: a text that nobody has looked up before.
    const key = request === undefined ? undefined : presentedKey(request);
    if (key !== undefined) void built.find(key);
  }
  return ((performance.now() - startMs) * 1_000) / turns;
}

/** As each minute: taken and kept so many at once, and all in one go. */
async function measureUses({ keys, made }: Built): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-bench-uses-'));
  const store = await openStore('sqlite', { dataDir, replicas: () => 1, clock, onTrouble: console.error });
  await store.migrate();
  for (const atOnce of [200, 1_000, made.length, 200, 1_000, made.length]) {
    // Each is noted anew when all are looked up anew.
    keys.use({ digester, knownForMs: 900_000 });
    for (const key of made) void keys.find(key);
    const longest = await longestTurn(async () => {
      for (let uses = keys.takeUses(atOnce); uses.length > 0; uses = keys.takeUses(atOnce)) {
        await store.keyUses.note(uses);
      }
    });
    console.log(
      `when ${made.length} keys were used, ${atOnce} at once: ${longest.toFixed(1)} ms in one turn at most`,
    );
  }
  await store.close();
  await rm(dataDir, { recursive: true });
}

/** In milliseconds of the main thread's own work: others may have the machine in between. */
async function longestTurn(work: () => Promise<void>): Promise<number> {
  let longestUs = 0;
  let isOver = false;
  let before = process.threadCpuUsage();
  const look = () => {
    const { user, system } = process.threadCpuUsage(before);
    longestUs = Math.max(longestUs, user + system);
    before = process.threadCpuUsage();
    if (!isOver) setImmediate(look);
  };
  setImmediate(look);
  await work();
  isOver = true;
  await new Promise((resolve) => setImmediate(resolve));
  return longestUs / 1_000;
}

/** A change makes every key that was found be looked up once more. */
function measureChange({ keys, entries, made }: Built): void {
  const last = entries.at(-1) as KeyEntry;
  const startMs = performance.now();
  for (let turn = 0; turn < 1_000; turn += 1) {
    keys.apply({ entries: [last], gone: [] });
    void keys.find(made[turn % made.length] ?? '');
  }
  console.log(`a change, and a key looked up after it: ${(performance.now() - startMs).toFixed(2)} us`);
}

async function measureSnapshot(entries: readonly DirectoryEntry[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-keys-'));
  const place = { path: join(folder, 'keys-snapshot'), digester };
  const snapshot = { version: entries.length, savedAtMs: 0, store: 'sqlite', entries };
  const delay = monitorEventLoopDelay({ resolution: 1 });
  try {
    delay.enable();
    const startMs = performance.now();
    await writeSnapshot(snapshot, place);
    const writtenMs = performance.now();
    delay.disable();
    await readSnapshot(place, { nowMs: 0, store: 'sqlite' });
    const readMs = performance.now();
    const { size } = await stat(place.path);
    console.log(`snapshot: ${(size / 1e6).toFixed(0)} MB, written in ${(writtenMs - startMs).toFixed(0)} ms`);
    console.log(`  while the event loop stood still for at most ${(delay.max / 1e6).toFixed(0)} ms`);
    console.log(`  and read in ${(readMs - writtenMs).toFixed(0)} ms`);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function incomingWith(authorization: string): Incoming {
  const unread = (): never => {
    throw new Error('nobody reads a body to learn the key');
  };
  return {
    method: 'POST',
    path: '/v1/chat/completions',
    query: undefined,
    targetBytes: 20,
    pathKey: undefined,
    headers: { authorization },
    remoteAddress: '127.0.0.1',
    onLoopback: true,
    fault: undefined,
    readBody: unread,
    streamBody: unread,
  };
}
