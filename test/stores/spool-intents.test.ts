import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fail } from '../../src/core/failure.ts';
import { Trail } from '../../src/core/trail.ts';
import { intentIn, parseSpoolLine } from '../../src/stores/spool/spool-lines.ts';
import { endLine, intentLine, logLine } from '../../src/telemetry/exchange-line.ts';

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

test('the end tells the ledger all that it would read in the log, and neither words of a failure nor where it came from', () => {
  const trail = new Trail(id, { startedMs: 0, wallMs: 1_760_000_000_000 });
  const attempt = { upstream: 'a', model: 'm', code: 'upstream_cut', tookMs: 1 } as const;
  const served = { upstream: 'b', targetModel: 'm', policy: 'auto', laterTier: 2, attempts: [attempt] };
  const usage = { inputTokens: 5, outputTokens: 7, cachedTokens: 3, reasoningTokens: 2, serviceTier: 'flex' };
  const cost = { priceVersion: 'file:1', costNanoUsd: 11, savedNanoUsd: 4, savedBy: 'routing', usage };
  const times = { firstContentMs: 20, endedMs: 40, queuedMs: 10, gatheredMs: 3 };
  const together = {
    batchedWith: 2,
    sharedFrom: 'another',
    sharedWith: 1,
    stop: 'stop',
    usageEstimated: true,
  };
  Object.assign(trail, { route: 'openai.chat', outcome: 'failed', status: 502, model: 'm', stream: true });
  Object.assign(trail, { keyName: 'k', tenant: 't', team: 'e', user: 'u', remoteAddress: '192.0.2.7' });
  Object.assign(trail, { ...served, ...cost, ...times, ...together, clientRequestId: 'theirs' });
  trail.failure = fail('upstream_cut', 'the words of a server');
  const end = endLine(trail);
  const parsed = parseSpoolLine(end);
  assert.ok(parsed?.kind === 'end');
  assert.deepEqual(parsed, parseSpoolLine(logLine(trail, end, 1)));
  const { facts, ...row } = parsed.row;
  assert.deepEqual(
    Object.entries(row).filter(([, value]) => value === '' || value === 0),
    [],
  );
  assert.equal(facts.serviceTier, 'flex');
  assert.doesNotMatch(end, /words of a server|192\.0\.2\.7|theirs/);
});
