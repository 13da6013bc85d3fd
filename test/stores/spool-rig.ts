/** A spool in a folder of its own, with a ledger behind it and a clock that the test holds. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { LedgerRow } from '../../src/core/ledger.ts';
import type { Ledger, Spool } from '../../src/core/ports.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { KeyRing, parseKey } from '../../src/lib/seal.ts';
import { openStore } from '../../src/stores/open-store.ts';
import { openSpool } from '../../src/stores/spool/open-spool.ts';
import { LineOpener } from '../../src/stores/spool/sealed-lines.ts';
import { createHeldClock, type HeldClock } from '../held-clock.ts';

export const intent = (id: string) =>
  `{"intent":"${id}","at":1767225600000,"route":"openai.chat","key":"k","tenant":"t","model":"m","stream":true}\n`;
export const end = (id: string, more = '') =>
  `{"level":30,"at":1767225600000,"id":"${id}","route":"openai.chat","outcome":"complete","status":200,"key":"k",` +
  `"tenant":"t","model":"m","upstream":"u","targetModel":"real","stream":true,"tookMs":12.34,"firstTokenMs":3.21,"queuedMs":6.9,"attempts":[{"upstream":"v"}],` +
  `"inputTokens":7,"cachedInputTokens":2,"outputTokens":5${more},"msg":"openai.chat complete"}\n`;
/** Of one that was not begun, or not kept. */
export const alone = (line: string) => ({ line, begun: false });
const days = { fromDay: '2026-01-01', toDay: '2026-01-02', where: {}, rowsMax: 1_000 };

export interface Rig {
  readonly dir: string;
  readonly clock: HeldClock;
  readonly ledger: Ledger;
  readonly told: string[];
  readonly sealsLines: boolean;
  /** What a file holds, opened. */
  lines(file: string): readonly string[];
  open(options?: {
    ledger?: Pick<Ledger, 'append'>;
    segmentBytesMax?: number;
    spoolBytesMax?: number;
    masterKeys?: KeyRing;
    /** Its own, where one stands still while others go on. */
    clock?: HeldClock;
  }): Promise<Spool>;
  rows(): Promise<readonly LedgerRow[]>;
  files(): readonly string[];
}

export const masterKeyText = Buffer.alloc(32, 7).toString('hex');

/** Each story is told twice: with lines as they are, and with sealed ones. */
export function story(name: string, tell: (rig: Rig) => Promise<void>): void {
  for (const seals of [false, true]) {
    test(`${seals ? 'sealed' : 'plain'}: ${name}`, async (t) => await tell(await openRig(t, seals)));
  }
}

export function masterKeys(): KeyRing {
  const key = parseKey(masterKeyText);
  if (key === undefined) throw new Error('that is no key');
  return new KeyRing(key);
}

export async function openRig(t: TestContext, sealsLines: boolean): Promise<Rig> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-spool-'));
  const told: string[] = [];
  const store = await openStore('sqlite', {
    dataDir: folder,
    replicas: () => 1,
    clock: systemClock,
    onTrouble: (trouble) => told.push(`store: ${trouble?.message}`),
  });
  t.after(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });
  const clock = createHeldClock();
  const dir = join(folder, 'spool');
  return {
    dir,
    clock,
    told,
    sealsLines,
    lines: (file) => {
      const text = readFileSync(join(dir, file), 'utf8');
      return new LineOpener(masterKeys()).open(text.split('\n')).filter((line) => line !== '');
    },
    ledger: store.ledger,
    open: (options = {}) =>
      openSpool({
        dir,
        clock,
        ledger: store.ledger,
        masterKeys: masterKeys(),
        sealsLines,
        told: {
          cannotWrite: (trouble) => told.push(`write: ${trouble?.message ?? 'again'}`),
          cannotShip: (trouble) => told.push(`ship: ${trouble?.message ?? 'again'}`),
          refused: ({ id }) => told.push(`refused: ${id}`),
          lost: (count) => told.push(`lost: ${count}`),
          wentDown: (lastHeardMs) => told.push(`went down: ${lastHeardMs}`),
        },
        ...options,
      }),
    rows: async () => (await store.ledger.page(days)).rows,
    files: () => readdirSync(dir).filter((name) => name.endsWith('.jsonl') && name !== 'refused.jsonl'),
  };
}

/** What the shipper does takes real time on the disk: the clock is moved until it is done. */
export async function until(rig: Rig, what: string, done: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpMs = performance.now() + 10_000;
  while (!(await done())) {
    assert.ok(performance.now() < giveUpMs, `${what}: ${rig.told.join(', ')}`);
    rig.clock.advance(1_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
