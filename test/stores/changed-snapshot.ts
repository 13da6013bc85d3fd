/** Starts on a snapshot that somebody has changed, that is old, or that another gateway wrote: it tells nothing, and the log says why. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import type { Clock } from '../../src/lib/clock.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';

export interface ChangedSnapshot {
  readonly text?: string;
  readonly laterMs?: number;
  readonly config?: object;
  /** The status of a request that the snapshot would let in. */
  readonly expected?: number;
  /** What the log says. */
  readonly told: RegExp;
}

export interface Snapshot {
  readonly data: string;
  readonly file: string;
  /** As it was written. */
  readonly text: string;
  readonly config: { readonly store: string };
  readonly clockAfter: (ms: number) => Clock;
  readonly statusAt: (gateway: TestGateway) => Promise<number>;
}

export async function startOnChanged(snapshot: Snapshot, changes: readonly ChangedSnapshot[]): Promise<void> {
  const { data, file, text, config, clockAfter, statusAt } = snapshot;
  const always: readonly ChangedSnapshot[] = [
    { expected: 200, told: /^(?!.*snapshot)/s },
    { text: text.slice(0, text.length / 2), told: /not signed/ },
    { laterMs: 86_400_001, told: /older than a day/ },
    { config: { store: `${config.store}_other` }, told: /of another store/ },
  ];
  for (const { text: changed = text, laterMs = 0, expected = 503, told, ...given } of [
    ...always,
    ...changes,
  ]) {
    await writeFile(file, changed);
    const gateway = await openTestGateway({
      config: { ...config, ...given.config },
      data,
      clock: clockAfter(laterMs),
    });
    const status = await statusAt(gateway);
    const lines = gateway.lines.join('\n');
    await gateway.close();
    assert.equal(status, expected, `${told} of ${changed.slice(0, 40)}`);
    assert.match(lines, told);
  }
}
