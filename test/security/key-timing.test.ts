// How long it takes to refuse a key must not tell how much of it is right (G2).
import assert from 'node:assert/strict';
import { hash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { StoredKeys } from '../../src/identity/stored-keys.ts';
import { makeKnownKeys } from '../known-keys.ts';

const comparesEach = 100_000;
/** Many, because what a text is made of has a cost of its own: digits and letters are told apart by branches. */
const differentKeys = 5_000;
const tMax = 4.5;
/** Another process on the machine can make one run look uneven; a look-up that leaks is uneven in every run. */
const runsMax = 3;

test('G2: a key that is right but for its last digits is refused in the same time as one that is all wrong', () => {
  const { keys, made } = makeKnownKeys(differentKeys);
  assert.ok(made.every((key) => keys.find(key) !== undefined && keys.findAgain(key) !== undefined));
  const near = made.map((key) => copyOf(key.slice(6, 40)));
  const far = made.map(() => copyOf(hex(34)));
  const seen: number[] = [];
  for (let run = 0; run < runsMax; run += 1) {
    const t = Math.abs(welch(...timed(keys, near, far)));
    if (t < tMax) return;
    seen.push(t);
  }
  assert.fail(`|t| was ${seen.map((t) => t.toFixed(1)).join(', ')}`);
});

/** Shaped like ours: what is not is refused before anything is compared. */
function keyOf(random: string): string {
  return copyOf(`sk-mr-${random}${hash('sha256', random, 'hex').slice(0, 6)}`);
}

/** As it comes from a socket: new, and in one piece. */
function copyOf(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

function hex(chars: number): string {
  return randomBytes(Math.ceil(chars / 2))
    .toString('hex')
    .slice(0, chars);
}

/**
 * In an order that nobody can foresee, so that what else the machine does meets both alike, and each time with a key
 * that was never looked up: what a text costs by itself would count many times.
 */
function timed(keys: StoredKeys, near: readonly string[], far: readonly string[]): [number[], number[]] {
  const both: [number[], number[]] = [[], []];
  for (let turn = 0; turn < 2 * comparesEach; turn += 1) {
    const which = Math.random() < 0.5 ? 0 : 1;
    const beginning = (which === 0 ? near : far)[turn % differentKeys] ?? '';
    const key = keyOf(beginning + hex(6));
    const startNs = process.hrtime.bigint();
    keys.findAgain(key);
    void keys.find(key);
    both[which].push(Number(process.hrtime.bigint() - startNs));
  }
  return [withoutTail(both[0]), withoutTail(both[1])];
}

/** The slowest twentieth is the collector's and the scheduler's. */
function withoutTail(times: readonly number[]): number[] {
  return times.toSorted((one, other) => one - other).slice(0, Math.floor(times.length * 0.95));
}

function welch(one: readonly number[], other: readonly number[]): number {
  const [first, second] = [momentsOf(one), momentsOf(other)];
  return (first.mean - second.mean) / Math.sqrt(first.error + second.error);
}

function momentsOf(values: readonly number[]): { mean: number; error: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return { mean, error: variance / values.length };
}
