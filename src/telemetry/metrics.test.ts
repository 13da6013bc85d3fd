import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fail } from '../core/failure.ts';
import { Trail } from '../core/trail.ts';
import { createMetrics } from './metrics.ts';

const sources = {
  batches: () => '',
  loads: () => '',
  inFlight: () => 3,
  queued: () => 1,
  spoolLost: () => 0,
  contentsLost: () => 0,
  turnsLost: () => 0,
  alertsLost: () => 2,
  retriesRefused: () => 0,
  wrongKeysHeld: () => 0,
  degraded: () => ({ shared: true, store: false }),
  upstreams: () => [{ name: 'gpu "a"', state: 'up', inFlight: 2 }],
};

function finished(change: (trail: Trail) => void): Trail {
  const trail = new Trail('id', { startedMs: 0, wallMs: 0 });
  trail.route = 'openai.chat';
  trail.outcome = 'complete';
  trail.callKind = 'chat';
  trail.model = 'gemma';
  trail.upstream = 'gpu';
  trail.endedMs = 50;
  change(trail);
  return trail;
}

test('an exchange is counted with its duration and tokens, buckets add up', () => {
  const metrics = createMetrics(sources);
  metrics.observe(
    finished((trail) => {
      trail.usage = { inputTokens: 5, outputTokens: 70 };
    }),
  );
  metrics.observe(finished((trail) => Object.assign(trail, { endedMs: 500_000 })));
  const text = metrics.render();
  const labels = 'gen_ai_operation_name="chat",gen_ai_request_model="gemma",upstream="gpu"';
  const has = (line: string) => assert.ok(text.includes(`${line}\n`), `${line}\nin\n${text}`);
  has('millrace_exchanges_total{route="openai.chat",outcome="complete",code=""} 2');
  has(`gen_ai_server_request_duration_seconds_bucket{${labels},le="0.04"} 0`);
  has(`gen_ai_server_request_duration_seconds_bucket{${labels},le="0.08"} 1`);
  has(`gen_ai_server_request_duration_seconds_bucket{${labels},le="+Inf"} 2`);
  has(`gen_ai_server_request_duration_seconds_sum{${labels}} 500.05`);
  has(`gen_ai_client_token_usage_sum{${labels},gen_ai_token_type="output"} 70`);
  has('millrace_alerts_lost 2');
  has('millrace_upstream_in_flight{upstream="gpu \\"a\\""} 2');
});

test('a failed exchange is counted by its code, and each failed attempt by its upstream', () => {
  const metrics = createMetrics(sources);
  metrics.observe(
    finished((trail) => {
      trail.outcome = 'failed';
      trail.failure = fail('upstream_cut', 'gone');
      trail.attempts.push({ upstream: 'a', model: 'm', code: 'connect_failed', tookMs: 1 });
    }),
  );
  const text = metrics.render();
  assert.match(
    text,
    /millrace_exchanges_total\{route="openai.chat",outcome="failed",code="upstream_cut"\} 1\n/,
  );
  assert.match(text, /millrace_attempts_failed_total\{upstream="a",code="connect_failed"\} 1\n/);
});
