import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PartyClaims } from '../../core/ports.ts';
import { parseClaim, writeParties, writeWeight } from './party-claims.ts';

test('what is written is read', () => {
  const told: readonly PartyClaims[] = [
    { named: [], others: { count: 0, wanted: 0 } },
    { named: [{ mark: 'a-_Z09', wanted: 46_655 }], others: { count: 0, wanted: 0 } },
    {
      named: [
        { mark: 'zzzzzz', wanted: 1 },
        { mark: '000000', wanted: 36 },
      ],
      others: { count: 400, wanted: 12 },
    },
  ];
  for (const parties of told)
    assert.deepEqual(parseClaim(`7 ${writeParties(parties)}`), { wanted: 7, parties });
});

test('P3: the longest claim is one that the version before takes', () => {
  const named = Array.from({ length: 16 }, () => ({ mark: 'abcdef', wanted: 1e9 }));
  const written = ` ${writeWeight(1e9)} ${writeParties({ named, others: { count: 1e9, wanted: 1e9 } })}`;
  assert.ok(written.length <= 200, `${written.length}`);
});

test('what is none of ours is nobody', () => {
  const nobody = { named: [], others: { count: 0, wanted: 0 } };
  for (const text of ['3 -', '3', '3 zone=west', '3 abc,*,**,toolong99999', '3 äöüßäö1'])
    assert.deepEqual(parseClaim(text), { wanted: 3, parties: nobody }, text);
});
