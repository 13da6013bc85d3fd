/**
 * Whatever becomes of Redis and PostgreSQL, nobody who may do what they ask is told that they may not (G5), what needs
 * neither is served, what needs one says whose fault it is, all is well again by itself, nothing is left open, no secret
 * stands in the log, and no row is missing. Whatever becomes of Redis, it does while hundreds of requests a second come (G19).
 */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { makeKey } from '../../src/identity/api-key.ts';
import { soaking, times } from '../soak.ts';
import { makeStoredKey, statusWith } from '../stored-keys.ts';
import { clientOf, type Fault, faults } from './dependency-faults.ts';
import { type SeenLoad, tokensOf, unansweredMax } from './load-facts.ts';
import { until } from './rig.ts';
import {
  type BeforeAndAfter,
  type Figures,
  type FigureTaker,
  heldBytes,
  openFigureTaker,
  openFiles,
  together,
  told,
} from './whole-figures.ts';
import { type Kind, makeKeys, openWholeRig, prompt, type Seen, type WholeRig } from './whole-rig.ts';

let rig: WholeRig;
let figures: FigureTaker;
let known: readonly string[];
/** Of whom nobody has heard when Redis goes: what they spent before is asked of the ledger. */
let strangers: string[];
let filesAtFirst = 0;
let heldAtFirst = 0;
const closing: (() => unknown)[] = [];
before(async () => {
  rig = await openWholeRig({ after: (close) => void closing.push(close as () => unknown) });
  figures = await openFigureTaker(rig);
  known = await makeKeys(rig, 'known', keysOfLoad);
  strangers = await makeKeys(rig, 'stranger', keysOfLoad * faults.length);
  await whole();
  filesAtFirst = openFiles();
  heldAtFirst = heldBytes(rig);
});
after(() => Promise.all(closing.map((close) => close())));

/** Pools, code that was loaded late, what each replica has heard of: the same after a minute and after an hour. */
const heldMoreMax = 48e6;

const perSecond = times(150, 300);
const keysOfLoad = 8;
/** How long is looked at before, and after it was told. */
const lookMs = times(400, 10_000);

/** The rows that the ledger is to have in the end. */
const owed: string[] = [];

/** What each kind cannot do without. Everything else is served whatever happens. */
const needs: Readonly<Partial<Record<Kind, 'shared' | 'store'>>> = {
  'once only': 'store',
  conversation: 'shared',
};
/** What needs the database waits until it is given up; everybody else hardly notices. */
const tookMsMax = { needing: 5_000, others: 1_500 };
const backMsMax = 15_000;
/** What the middle one of a round takes at most while all is well. Where a busy machine takes longer, it does so all the time, */
const wellMs = 100;
/** and one that takes longer still is no place to tell. */
const slownessMax = 4;

for (const { what, rows, gone, cause } of faults) {
  const isLoaded = what.includes('Redis');
  test(`${rows}, G5: when ${what} nobody is refused what they may do, and it is whole again by itself`, async (t) => {
    const well = await whole();
    const before = isLoaded ? await figuresBefore() : undefined;
    const linesBefore = linesOfChange().map(({ length }) => length);
    const made = [await makeAtFirst()];
    const mend = await cause(t, rig);
    await notCalledWrong(made);
    const seen: Seen[] = [];
    await until('it is told', async () => {
      seen.push(...(await rig.round()));
      const told = await rig.degraded();
      return told.every((each) => gone.every((name) => each.includes(name)));
    });
    const after = before && (await figuresAfter(t, before));
    const calm: Seen[] = [];
    for (let turn = 0; turn < 2; turn += 1) calm.push(...(await rig.round()));
    if (gone.includes('store')) await nobodyCanTell();
    else if (gone.includes('shared')) made.push(await makeAtFirst());
    await notCalledWrong(made);
    await mend();
    const wellAgain = await whole();
    calm.push(...wellAgain.seen);
    await bothKnow(made);
    const wholeMs = Math.max(wellMs, well.middleMs, wellAgain.middleMs);
    const slowness = Math.min(wholeMs / wellMs, slownessMax);
    t.diagnostic(`all well: ${well.middleMs.toFixed(0)} ms, again: ${wellAgain.middleMs.toFixed(0)} ms`);
    // How long others had to wait while many asked is told by the figures.
    for (const each of seen) judge(each, gone, before === undefined ? slowness : Infinity);
    for (const each of calm) judge(each, gone, slowness);
    seen.push(...calm);
    assert.ok(
      seen.some(({ status }) => status === 200),
      'somebody was served',
    );
    owed.push(...seen.filter(owesRow).map(({ id }) => id));
    if (before && after) judgeFigures(before, after);
    // What fails in one way may fail in another before it is back: a line for each, and not one for each request.
    linesOfChange().forEach((lines, index) => {
      assert.ok(lines.length - (linesBefore[index] ?? 0) <= changesMax, lines.join('\n'));
    });
    await nothingIsLeft();
  });
}

let madeKeys = 0;

/** The other replica has hardly heard of it when this resolves, if at all. */
async function makeAtFirst(): Promise<string> {
  madeKeys += 1;
  return await makeStoredKey(rig.replicas[0] ?? assert.fail(), { name: `made-${madeKeys}` });
}

/** G5, G20: of a key that was made it is never said that it is none, whoever has heard of it. */
async function notCalledWrong(keys: readonly string[]): Promise<void> {
  for (const replica of rig.replicas)
    for (const key of keys) assert.match(`${await statusWith(replica, key)}`, /^(200|503)$/);
}

async function bothKnow(keys: readonly string[]): Promise<void> {
  for (const replica of rig.replicas)
    for (const key of keys)
      await until('it is let in', async () => {
        await notCalledWrong([key]);
        return (await statusWith(replica, key)) === 200;
      });
}

/** Who asks the store, however lately it went, is told so: a key that nobody knows may have been made a moment ago (G20). */
async function nobodyCanTell(): Promise<void> {
  for (const replica of rig.replicas) assert.equal(await statusWith(replica, makeKey()), 503);
}

/** A while of load, as it costs while all is well. */
async function figuresBefore(): Promise<Figures> {
  const { replicas, load } = rig;
  load.begin({ urls: replicas.map(({ url }) => url), keys: known, perSecond, prompt });
  await pause(lookMs / 2);
  await figures.take(await load.look());
  await pause(lookMs);
  return await figures.take(await load.look());
}

/** Short looks on a busy machine tell little; all of them together do. */
const judged: BeforeAndAfter[] = [];

interface After {
  /** From when it happened until it was told. */
  readonly first: Figures;
  /** From then on, with callers of whom nobody had heard. */
  readonly later: Figures;
  /** What was under way when no more was sent. */
  readonly last: SeenLoad;
}

async function figuresAfter(t: TestContext, before: Figures): Promise<After> {
  const { replicas, load } = rig;
  const first = await figures.take(await load.look());
  const keys = [...known, ...strangers.splice(0, keysOfLoad)];
  load.begin({ urls: replicas.map(({ url }) => url), keys, perSecond, prompt });
  await pause(lookMs);
  const later = await figures.take(await load.look());
  const last = await load.rest();
  t.diagnostic(`before: ${told(before)}`);
  t.diagnostic(`at first, with those who look: ${told(first)}`);
  t.diagnostic(`then: ${told(later)}`);
  return { first, later, last };
}

function judgeFigures(before: Figures, { first, later, last }: After): void {
  for (const { statuses } of [before, first]) assert.deepEqual(Object.keys(statuses), ['200']);
  // Of strangers the ledger has to be asked; who cannot wait for it is told whose fault it is.
  const all = [later, last].flatMap(({ statuses }) => Object.keys(statuses));
  const others = all.filter((status) => status !== '200' && status !== '503 dependency_unavailable');
  assert.deepEqual(others, []);
  assert.ok((later.statuses['200'] ?? 0) >= later.sent / 2, JSON.stringify(later.statuses));
  for (const { logBytesOfRequest } of [first, later]) assert.ok(logBytesOfRequest < 10_240);
  // Of a stranger each replica asks the ledger once for each budget, and not once for each request.
  const questions = rig.replicas.length * 2 * keysOfLoad + 10;
  assert.ok(later.queriesOfRequest * later.sent <= 2 * before.queriesOfRequest * later.sent + questions);
  judged.push({ before, later });
  if (!soaking) return;
  assert.ok(later.cpuMsOfRequest <= 2 * before.cpuMsOfRequest);
  assert.ok(first.p99Ms <= before.p99Ms + 150);
  assert.ok(later.middleMs <= before.middleMs + 5);
}

const changesMax = 12;

/** Lines of each replica that say that something is away, or back. */
function linesOfChange(): readonly (readonly string[])[] {
  const said = /what replicas share|the store (cannot be reached|is back)|the ledger/;
  return rig.replicas.map(({ lines }) => lines.filter((line) => said.test(line)));
}

async function nothingIsLeft(): Promise<void> {
  const { replicas, secrets } = rig;
  await until('nothing is in flight', () => replicas.every(({ gateway }) => gateway.listener.inFlight === 0));
  await until('no more is open than before', () => openFiles() <= filesAtFirst + filesMore);
  const log = replicas.flatMap(({ lines, exchangeLines }) => [...lines, ...exchangeLines]).join('\n');
  for (const secret of [...secrets, ...known])
    assert.ok(!log.includes(secret), `${secret} stands in the log`);
}

/** The pool of the upstream keeps some open for whoever comes next. */
const filesMore = unansweredMax + 12;

test('G19: all of it together, a request costs no more than twice the time of the processor, and hardly waits longer', (t) => {
  const { cpuMs, middleMs } = together(judged);
  t.diagnostic(`CPU ${cpuMs.map((ms) => ms.toFixed(2)).join(', then ')} ms a request`);
  t.diagnostic(`the middle one took ${middleMs.map((ms) => ms.toFixed(1)).join(', then ')} ms`);
  assert.ok(cpuMs[1] <= 2 * cpuMs[0]);
  assert.ok(middleMs[1] <= middleMs[0] + 150);
});

test('G21: after all of it the ledger is what the upstream counted: each exchange has one row, whichever replica answered it', async (t) => {
  assert.ok(owed.length > 500, `${owed.length}`);
  assert.ok(unlucky.length <= 5, unlucky.join('\n'));
  const { asked } = await rig.load.rest();
  const heldMore = heldBytes(rig) - heldAtFirst;
  t.diagnostic(
    `${asked.wholes} whole answers, ${asked.streams} streams; ${Math.round(heldMore / 1e6)} MB more are held than at first`,
  );
  assert.ok(heldMore < heldMoreMax, `${heldMore} bytes`);
  // What waits for the ledger is taken there as they leave.
  await Promise.all(rig.replicas.map((replica) => replica.close()));
  const client = await clientOf(t, rig);
  const { rows } = await client.query<{ id: string }>('select id from ledger');
  const kept = new Set(rows.map(({ id }) => id));
  assert.equal(kept.size, rows.length, 'none is there twice');
  assert.deepEqual(
    owed.filter((id) => !kept.has(id)),
    [],
  );
  const sums = `select count(*) as count, sum(output_tokens) as output, sum(cost_nano_usd) as cost, sum(failed_tries) as failed
    from ledger where upstream <> ''`;
  const [sum] = (await client.query<Record<string, string>>(sums)).rows;
  const output = asked.wholes * tokensOf.whole + asked.streams * tokensOf.stream;
  const count = asked.wholes + asked.streams;
  assert.deepEqual(
    { count: Number(sum?.['count']), output: Number(sum?.['output']), cost: Number(sum?.['cost']) },
    { count, output, cost: tokensOf.prompt * 1_000 * count + 10_000 * output },
  );
});

function judge(each: Seen, gone: Fault['gone'], slowness: number): void {
  const told = JSON.stringify(each);
  assert.ok(each.status === 200 || each.status === 503, told);
  const need = needs[each.kind];
  const msMax = need === undefined ? tookMsMax.others : tookMsMax.needing;
  assert.ok(each.tookMs < slowness * msMax, told);
  if (each.status === 200) return;
  assert.equal(codeOf(each), 'dependency_unavailable', told);
  assert.match(each.retryAfter ?? '', /^\d+$/, told);
  // What is lost and not told of as lost is seen by whoever needs it all the same: rubbish, a restart.
  assert.ok(need !== undefined, told);
  if (gone.length > 0 && !gone.includes(need)) unlucky.push(told);
}

/** Needed what was there, which did not answer in time: on a busy machine that may happen. */
const unlucky: string[] = [];

/** Not every dialect tells it to the client. */
function codeOf({ id }: Seen): unknown {
  const lines = rig.replicas.flatMap(({ exchangeLines }) => exchangeLines);
  return (JSON.parse(lines.find((line) => line.includes(id)) ?? '{}') as { code?: string }).code;
}

const owesRow = ({ kind, status }: Seen) => kind !== 'models' && status === 200;

/** Nothing is missing, and everybody is served. */
async function whole(): Promise<{ readonly seen: readonly Seen[]; readonly middleMs: number }> {
  const startMs = performance.now();
  const seen: Seen[] = [];
  for (;;) {
    const round = await rig.round();
    seen.push(...round);
    const told = await rig.degraded();
    if (round.every(({ status }) => status === 200) && told.every((each) => each === ''))
      return { seen, middleMs: middle(round) };
    assert.ok(performance.now() - startMs < backMsMax, `${told}: ${JSON.stringify(round)}`);
  }
}

function middle(round: readonly Seen[]): number {
  return round.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b)[Math.floor(round.length / 2)] ?? 0;
}
