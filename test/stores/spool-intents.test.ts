import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Trail } from '../../src/core/trail.ts';
import { intentIn, parseSpoolLine } from '../../src/stores/spool/spool-lines.ts';
import { intentLine } from '../../src/telemetry/exchange-line.ts';

const id = '01970000-0000-7000-8000-000000000001';

function intentOf(name: string, reserved: number): string {
  const trail = new Trail(id, { startedMs: 0, wallMs: 1_760_000_000_000 });
  Object.assign(trail, {
    route: '/v1/chat/completions',
    keyName: name,
    tenant: name,
    user: name,
    model: name,
  });
  Object.assign(trail, { reservedInputTokens: reserved, reservedOutputTokens: reserved, reservedNanoUsd: 7 });
  return intentLine(trail).trimEnd();
}

const names = ['bench', '', '}', '"stream":true}', '\\"stream":true}', '{"intent":"another"}', 'é\u2028\n'];

test('G21: the shipper knows every intent by its beginning and its end, whatever names stand between', () => {
  for (const name of names) {
    for (const reserved of [0, 12]) {
      const line = intentOf(name, reserved);
      assert.equal(intentIn(line), id, line);
      assert.equal(parseSpoolLine(line)?.id, id, line);
    }
  }
});

test('G21: an intent that broke off anywhere is none, by its ends as by all of it', () => {
  for (const name of names) {
    const line = intentOf(name, 12);
    for (let length = 0; length < line.length; length += 1) {
      const torn = line.slice(0, length);
      assert.equal(intentIn(torn), undefined, torn);
      assert.equal(parseSpoolLine(torn), undefined, torn);
    }
  }
});

test('the end of an exchange is no intent', () => {
  const end = `{"level":30,"id":"${id}","outcome":"complete","stream":true}`;
  assert.equal(intentIn(end), undefined);
  assert.equal(parseSpoolLine(end)?.kind, 'end');
});
