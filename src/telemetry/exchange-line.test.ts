import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fail } from '../core/failure.ts';
import { Trail } from '../core/trail.ts';
import { endLine, logLine } from './exchange-line.ts';

test('whatever names and messages an exchange has, its facts are JSON that says them', () => {
  const text = fc.string({ unit: 'binary', maxLength: 60 });
  fc.assert(
    fc.property(text, text, text, text, (model, key, asked, message) => {
      const trail = new Trail('0192', { startedMs: 10, wallMs: 1 });
      trail.model = model;
      trail.keyName = key;
      trail.clientRequestId = asked;
      trail.failure = fail('upstream_cut', message);
      trail.warnings.push(asked);
      trail.endedMs = 12.345;
      const facts = JSON.parse(logLine(trail, endLine(trail), 2));
      assert.equal(facts.model, model);
      assert.equal(facts.key, key);
      assert.equal(facts.clientRequestId, asked);
      assert.equal(facts.message, message);
      assert.deepEqual(facts.warnings, [asked]);
      assert.equal(facts.tookMs, 2.35);
    }),
  );
});
