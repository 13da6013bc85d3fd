import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatheredMetrics } from './gathered-metrics.ts';

function said({ served, inFlight, away }: { served: number; inFlight: number; away: 0 | 1 }): string {
  return (
    '# HELP served_total Served.\n# TYPE served_total counter\n' +
    `served_total{route="a b",code=""} ${served}\n` +
    '# HELP took_seconds Time.\n# TYPE took_seconds histogram\n' +
    `took_seconds_bucket{le="0.1"} ${served - 1}\ntook_seconds_bucket{le="+Inf"} ${served}\n` +
    `took_seconds_sum ${served / 2}\ntook_seconds_count ${served}\n` +
    `# HELP in_flight Now.\n# TYPE in_flight gauge\nin_flight ${inFlight}\n` +
    '# HELP millrace_degraded Away.\n# TYPE millrace_degraded gauge\n' +
    `millrace_degraded{dependency="shared"} ${away}\n` +
    '# HELP millrace_models_resident There.\n# TYPE millrace_models_resident gauge\n' +
    'millrace_models_resident{upstream="a"} 1\n' +
    '# HELP millrace_model_evictions_total Left.\n# TYPE millrace_model_evictions_total counter\n' +
    'millrace_model_evictions_total{upstream="a"} 4\n'
  );
}

test('the same series of several workers are added up, and what all see alike is there once', () => {
  const metrics = new GatheredMetrics();
  metrics.heard(1, said({ served: 3, inFlight: 2, away: 1 }));
  metrics.heard(2, said({ served: 5, inFlight: 1, away: 1 }));
  const text = metrics.render('# HELP own Own.\n# TYPE own gauge\nown 1\n');
  assert.equal(text.match(/# TYPE served_total/g)?.length, 1);
  for (const line of [
    'served_total{route="a b",code=""} 8',
    'took_seconds_bucket{le="0.1"} 6',
    'took_seconds_bucket{le="+Inf"} 8',
    'took_seconds_sum 4',
    'took_seconds_count 8',
    'in_flight 3',
    'millrace_degraded{dependency="shared"} 1',
    'millrace_models_resident{upstream="a"} 1',
    'millrace_model_evictions_total{upstream="a"} 4',
    'own 1',
  ])
    assert.ok(text.includes(`${line}\n`), `${line} in:\n${text}`);
});

test('what an ended worker counted stays counted, what it was doing does not, and the next one begins at nothing', () => {
  const metrics = new GatheredMetrics();
  metrics.heard(1, said({ served: 3, inFlight: 2, away: 0 }));
  metrics.heard(2, said({ served: 5, inFlight: 1, away: 0 }));
  metrics.ended(1);
  const after = metrics.render('');
  assert.match(after, /^served_total\{route="a b",code=""\} 8$/m);
  assert.match(after, /^in_flight 1$/m);
  assert.match(after, /^millrace_model_evictions_total\{upstream="a"\} 4$/m);
  metrics.heard(1, said({ served: 2, inFlight: 0, away: 0 }));
  assert.match(metrics.render(''), /^served_total\{route="a b",code=""\} 10$/m);
});
