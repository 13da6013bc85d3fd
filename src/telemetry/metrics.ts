/** Counters and histograms for Prometheus: projections of the finished trail, and gauges read when asked. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Trail } from '../core/trail.ts';

export interface MetricsSources {
  /** Read at each scrape. */
  readonly inFlight: () => number;
  readonly queued: () => number;
  readonly upstreams: () => ReadonlyArray<{ name: string; state: string; inFlight: number }>;
  readonly spoolLost: () => number;
}

export interface Metrics {
  observe(trail: Trail): void;
  render(): Promise<string>;
  readonly contentType: string;
}

const secondsBuckets = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
const tokenBuckets = Array.from({ length: 14 }, (_, power) => 4 ** power);

const operations: Readonly<Record<string, string>> = {
  chat: 'chat',
  complete: 'text_completion',
  embed: 'embeddings',
};

export function createMetrics(sources: MetricsSources): Metrics {
  const registry = new Registry();
  const meters = createMeters(registry);
  addGauges(registry, sources);
  return {
    observe: (trail) => record(meters, trail),
    render: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

type Meters = ReturnType<typeof createMeters>;

function createMeters(registry: Registry) {
  const registers = [registry];
  const call = ['gen_ai_operation_name', 'gen_ai_request_model', 'upstream'] as const;
  return {
    exchanges: new Counter({
      name: 'millrace_exchanges_total',
      help: 'Finished exchanges by route, outcome and failure code.',
      labelNames: ['route', 'outcome', 'code'] as const,
      registers,
    }),
    attempts: new Counter({
      name: 'millrace_attempts_failed_total',
      help: 'Attempts that failed, by upstream and failure code.',
      labelNames: ['upstream', 'code'] as const,
      registers,
    }),
    duration: new Histogram({
      name: 'gen_ai_server_request_duration_seconds',
      help: 'From the request to the last byte of its answer.',
      labelNames: call,
      buckets: secondsBuckets,
      registers,
    }),
    firstToken: new Histogram({
      name: 'gen_ai_server_time_to_first_token_seconds',
      help: 'From the request to the first content, for streams.',
      labelNames: call,
      buckets: secondsBuckets,
      registers,
    }),
    tokens: new Histogram({
      name: 'gen_ai_client_token_usage',
      help: 'Tokens of an exchange, as the upstream counted them.',
      labelNames: [...call, 'gen_ai_token_type'] as const,
      buckets: tokenBuckets,
      registers,
    }),
  };
}

function record(meters: Meters, trail: Trail): void {
  const code = trail.failure?.code ?? '';
  meters.exchanges.inc({ route: trail.route === '' ? 'unknown' : trail.route, outcome: trail.outcome, code });
  for (const attempt of trail.attempts)
    meters.attempts.inc({ upstream: attempt.upstream, code: attempt.code });
  if (trail.upstream === '') return;
  const labels = {
    gen_ai_operation_name: operations[trail.callKind] ?? trail.callKind,
    // The configured name, never what a client made up: the number of series stays bounded.
    gen_ai_request_model: trail.model,
    upstream: trail.upstream,
  };
  meters.duration.observe(labels, (trail.endedMs - trail.startedMs) / 1000);
  if (trail.firstContentMs > 0) {
    meters.firstToken.observe(labels, (trail.firstContentMs - trail.startedMs) / 1000);
  }
  const { usage } = trail;
  if (usage === undefined) return;
  meters.tokens.observe({ ...labels, gen_ai_token_type: 'input' }, usage.inputTokens);
  if (trail.callKind !== 'embed') {
    meters.tokens.observe({ ...labels, gen_ai_token_type: 'output' }, usage.outputTokens);
  }
}

function addGauges(registry: Registry, sources: MetricsSources): void {
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge('millrace_in_flight', 'Requests being served.', sources.inFlight);
  gauge('millrace_queue_depth', 'Requests waiting for a slot.', sources.queued);
  gauge('millrace_spool_lost', 'Finished exchanges that could not be kept.', sources.spoolLost);
  gauge('process_resident_memory_bytes', 'Memory in use.', () => process.memoryUsage.rss());
  new Gauge({
    name: 'millrace_upstream_state',
    help: '1 for the state an upstream is in.',
    labelNames: ['upstream', 'state'] as const,
    registers,
    collect() {
      this.reset();
      for (const upstream of sources.upstreams())
        this.set({ upstream: upstream.name, state: upstream.state }, 1);
    },
  });
  new Gauge({
    name: 'millrace_upstream_in_flight',
    help: 'Requests that occupy an upstream.',
    labelNames: ['upstream'] as const,
    registers,
    collect() {
      this.reset();
      for (const upstream of sources.upstreams()) this.set({ upstream: upstream.name }, upstream.inFlight);
    },
  });
}
