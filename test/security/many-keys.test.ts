/** How many keys there are is nothing to a request: 100,000 may change what it costs by a tenth at most. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { StoredKeys } from '../../src/identity/stored-keys.ts';
import { type KnownKeys, makeKnownKeys } from '../known-keys.ts';

/** A tenth of what authentication, limits, budgets and the ledger together may cost. */
const usMax = 1.1;
const many = 100_000;
const turns = 50_000;
/** Other processes make one round slow, and never one fast. */
const rounds = 9;

let one: KnownKeys;
let all: KnownKeys;
before(() => {
  one = makeKnownKeys(1);
  all = makeKnownKeys(many);
});

for (const [what, inTurn] of [
  ['one of them', 1],
  ['a thousand of them in turn', 1_000],
] as const) {
  test(`to find ${what} among 100,000 keys costs a request at most ${usMax} µs more than the only one`, (t) => {
    let [alone, among] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let round = 0; round < rounds; round += 1) {
      alone = Math.min(alone, usEach(one.keys, one.made));
      among = Math.min(among, usEach(all.keys, all.made.slice(0, inTurn)));
    }
    t.diagnostic(`${alone.toFixed(2)} us alone, ${among.toFixed(2)} us among ${many}`);
    assert.ok(among - alone < usMax, `${among} us, ${alone} us alone`);
  });
}

/** Each time a text that nobody has looked up before, as the parser of HTTP makes it. */
function usEach(keys: StoredKeys, made: readonly string[]): number {
  const headers = made.map((key) => `Bearer ${key}`);
  const startMs = performance.now();
  for (let turn = 0; turn < turns; turn += 1) {
    const key = headers[turn % headers.length]?.slice('Bearer '.length) ?? '';
    if ((keys.findAgain(key) ?? keys.find(key)) === undefined) assert.fail('it is one of ours');
  }
  return ((performance.now() - startMs) * 1_000) / turns;
}
