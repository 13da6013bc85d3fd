/** A line to Redis or PostgreSQL on which packets are lost: nobody is refused, and nothing tells that nobody is there. */
import assert from 'node:assert/strict';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { after, before, test } from 'node:test';
import { makeKey } from '../../src/identity/api-key.ts';
import { type CutLine, openCutLine } from '../servers/cut-line.ts';
import { times } from '../soak.ts';
import { makeStoredKey, statusWith } from '../stored-keys.ts';
import { until } from './rig.ts';
import { type Kind, openWholeRig, type Seen, type WholeRig } from './whole-rig.ts';

type Name = 'shared' | 'store';

interface Cut {
  readonly name: Name;
  readonly what: string;
  readonly rows: string;
}

const cuts: readonly Cut[] = [
  { name: 'shared', what: 'Redis', rows: 'DP3' },
  { name: 'store', what: 'PostgreSQL', rows: 'DP12' },
];

/** What nobody can be given without one of them: they are told so, and how long that takes is their own. */
const needing: readonly Kind[] = ['conversation', 'once only'];

let rig: WholeRig | undefined;
let reason = '';
const lines = new Map<Name, CutLine>();
const closing: (() => unknown)[] = [];

before(async () => {
  for (const { name } of cuts) {
    const line = await openCutLine();
    if (typeof line === 'string') {
      reason = line;
      return;
    }
    closing.push(() => line.close());
    lines.set(name, line);
  }
  rig = await openWholeRig(
    { after: (close) => void closing.push(close as () => unknown) },
    async (url) => (await lines.get(url.startsWith('redis') ? 'shared' : 'store')?.over(url)) ?? url,
  );
});

after(async () => {
  for (const close of closing.reverse()) await close();
});

/** By then nobody waits for what does not come. */
const noticedMsMax = 5_000;
const addedMsMax = 150;
const backMsMax = 15_000;
const roundsBefore = 10;
const roundsAfter = times(20, 400);
/** Of each replica, beside those it had: it tries one at a time. */
const connectionsMore = 2;

for (const { name, what, rows } of cuts) {
  test(`${rows}: when the packets to ${what} are lost, everybody else is served within 150 ms more, for 5 s at most, no new key is called wrong, and nothing piles up`, async (t) => {
    const line = lines.get(name);
    if (rig === undefined || line === undefined) return t.skip(reason);
    const whole = rig;
    const sound = await rounds(whole, roundsBefore);
    allServed(whole, sound);
    const had = line.connections();
    const made = await makeStoredKey(whole.replicas[0] ?? assert.fail(), { name: `made-before-${name}` });
    line.cut();
    const cutMs = performance.now();
    const newcomers = Promise.all([made, makeKey()].map((key) => statusesOf(whole, key)));
    const own = monitorEventLoopDelay({ resolution: 5 });
    own.enable();
    const seen: Seen[] = [];
    await until('both tell of it', async () => {
      seen.push(...(await whole.round()));
      return (await whole.degraded()).every((told) => told.includes(name));
    });
    const toldMs = performance.now() - cutMs;
    own.disable();
    // What this process kept itself waiting is no server's time: a deadline that was late for it is given once more.
    const busyMs = 2 * Math.round(own.max / 1e6);
    const first = seen.filter(({ kind }) => !needing.includes(kind));
    const later = await rounds(whole, roundsAfter);
    const most = line.connections();
    t.diagnostic(
      `told after ${Math.round(toldMs)} ms; middle ${middle(sound)}, then ${middle(first)}, then ${middle(later)} ms, ` +
        `the slowest ${slowest(sound)}, ${slowest(first)}, ${slowest(later)} ms; busy for ${busyMs} ms; connections ${had}, then ${most}`,
    );
    allServed(whole, [...first, ...later]);
    const [ofMade = [], ofWrong = []] = await newcomers;
    t.diagnostic(`of a key made just before ${ofMade}, of one that nobody made ${ofWrong}`);
    assert.ok(
      ofMade.every((status) => status === 200 || status === 503),
      'a key that was made is not called wrong in the first moment either',
    );
    assert.deepEqual(ofWrong, name === 'store' ? [503, 503] : [401, 401]);
    assert.ok(toldMs < noticedMsMax);
    assert.ok(middle(first) <= middle(sound) + addedMsMax + busyMs);
    assert.ok(middle(later) <= middle(sound) + addedMsMax);
    assert.ok(most <= had + connectionsMore * whole.replicas.length, `${had} connections, then ${most}`);
    line.mend();
    const mendedMs = performance.now();
    await until('it is whole again', async () => {
      const round = await whole.round();
      const told = await whole.degraded();
      return round.every(({ status }) => status === 200) && told.every((each) => each === '');
    });
    t.diagnostic(`whole again after ${Math.round(performance.now() - mendedMs)} ms`);
    assert.ok(performance.now() - mendedMs < backMsMax);
  });
}

function statusesOf({ replicas }: WholeRig, key: string): Promise<readonly number[]> {
  return Promise.all(replicas.map((replica) => statusWith(replica, key)));
}

async function rounds({ round }: WholeRig, count: number): Promise<readonly Seen[]> {
  const seen: Seen[] = [];
  for (let turn = 0; turn < count; turn += 1) seen.push(...(await round(needing)));
  return seen;
}

/** What is told of those who were not is their own line of the log. */
function allServed({ replicas }: WholeRig, seen: readonly Seen[]): void {
  const lines = replicas.flatMap(({ exchangeLines }) => exchangeLines);
  const failed = seen.filter(({ status }) => status !== 200);
  assert.deepEqual(
    failed.map(({ id, kind, status }) => ({ kind, status, line: lines.find((line) => line.includes(id)) })),
    [],
  );
}

const sorted = (seen: readonly Seen[]) => seen.map(({ tookMs }) => Math.round(tookMs)).sort((a, b) => a - b);

function middle(seen: readonly Seen[]): number {
  return sorted(seen)[Math.floor(seen.length / 2)] ?? Number.NaN;
}

function slowest(seen: readonly Seen[]): number {
  return sorted(seen).at(-1) ?? Number.NaN;
}
