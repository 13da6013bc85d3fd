/**
 * Counters and histograms of finished exchanges, and gauges read when asked, in Prometheus' text format. Series are
 * found once and then counted in place; a general client that hashes labels at each observation cost 6 us a request.
 */
import type { NanoUsd } from '../core/ledger.ts';
import type { Trail } from '../core/trail.ts';
import { ByThree } from '../lib/by-three.ts';
import { Histogram } from './histogram.ts';

export interface MetricsSources {
  /** Read at each scrape. */
  readonly inFlight: () => number;
  readonly queued: () => number;
  readonly upstreams: () => ReadonlyArray<{ name: string; state: string; inFlight: number }>;
  readonly spoolLost: () => number;
  readonly contentsLost: () => number;
  readonly turnsLost: () => number;
  readonly alertsLost: () => number;
  readonly retriesRefused: () => number;
  readonly wrongKeysHeld: () => number;
  /** Rendered already. */
  readonly batches: () => string;
  readonly loads: () => string;
  /** What cannot be reached. */
  readonly degraded: () => Readonly<Record<string, boolean>>;
}

export interface Metrics {
  observe(trail: Trail): void;
  render(): string;
}

export const metricsType = 'text/plain; version=0.0.4; charset=utf-8';

const secondsBounds = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
const tokenBounds = Array.from({ length: 14 }, (_, power) => 4 ** power);

const nanoPerUsd = 1e9;

/** Before models are counted together. */
const seriesMax = 5_000;
const otherModels = 'other';

const operations: Readonly<Record<string, string>> = {
  chat: 'chat',
  complete: 'text_completion',
  embed: 'embeddings',
};

interface Counted {
  readonly labels: string;
  times: number;
}

/** All that is counted of one operation on one model at one upstream. */
interface CallSeries {
  readonly labels: string;
  readonly duration: Histogram;
  readonly firstToken: Histogram;
  readonly input: Histogram;
  readonly output: Histogram;
  costNanoUsd: NanoUsd;
  excessNanoUsd: NanoUsd;
}

export function createMetrics(sources: MetricsSources): Metrics {
  const exchanges = new ByThree<Counted>();
  const attempts = new Map<string, number>();
  const shared = new Map<string, number>();
  const carriedOn = new Map<string, number>();
  const calls = new ByThree<CallSeries>();
  return {
    observe: (trail) => {
      countExchange(exchanges, trail);
      if (trail.sharedFrom !== '') count(shared, `route="${trail.route}"`);
      for (const attempt of trail.attempts) {
        count(attempts, `upstream="${escaped(attempt.upstream)}",code="${attempt.code}"`);
      }
      for (const { upstream, code: why } of trail.carriedOn ?? []) {
        count(carriedOn, `upstream="${escaped(upstream)}",code="${why}"`);
      }
      if (trail.upstream !== '') observeCall(calls, trail);
    },
    render: () =>
      renderCounter(
        'millrace_exchanges_total',
        'Finished exchanges by route, outcome and failure.',
        exchanges.values.map(({ labels, times }) => [labels, times]),
      ) +
      renderCounter(
        'millrace_exchanges_shared_total',
        'Exchanges that were given the answer of an equal one, by route.',
        shared,
      ) +
      renderCounter(
        'millrace_attempts_failed_total',
        'Attempts that failed, by upstream and failure.',
        attempts,
      ) +
      renderCounter(
        'millrace_streams_carried_on_total',
        'Streams that broke off and were gone on with elsewhere, by the upstream that broke off and why.',
        carriedOn,
      ) +
      renderCalls(calls.values) +
      sources.batches() +
      sources.loads() +
      renderGauges(sources),
  };
}

function countExchange(exchanges: ByThree<Counted>, { route, outcome, failure }: Trail): void {
  const code = failure?.code ?? '';
  const counted =
    exchanges.get(route, outcome, code) ??
    exchanges.add([route, outcome, code], {
      labels: `route="${route || 'unknown'}",outcome="${outcome}",code="${code}"`,
      times: 0,
    });
  counted.times += 1;
}

function count(counts: Map<string, number>, labels: string): void {
  counts.set(labels, (counts.get(labels) ?? 0) + 1);
}

function observeCall(calls: ByThree<CallSeries>, trail: Trail): void {
  const series =
    calls.get(trail.callKind, trail.model, trail.upstream) ?? seriesFor(calls, trail, trail.model);
  series.duration.observe((trail.endedMs - trail.startedMs) / 1000);
  if (trail.firstContentMs > 0) series.firstToken.observe((trail.firstContentMs - trail.startedMs) / 1000);
  series.costNanoUsd += trail.costNanoUsd;
  series.excessNanoUsd += trail.excessNanoUsd;
  if (trail.usage === undefined) return;
  series.input.observe(trail.usage.inputTokens);
  if (trail.callKind !== 'embed') series.output.observe(trail.usage.outputTokens);
}

/** A client may make up models for an upstream that lists none: beyond the bound they are counted as one. */
function seriesFor(calls: ByThree<CallSeries>, trail: Trail, model: string): CallSeries {
  const { callKind, upstream } = trail;
  if (calls.size < seriesMax || model === otherModels) {
    return calls.add([callKind, model, upstream], createSeries(trail, model));
  }
  return calls.get(callKind, otherModels, upstream) ?? seriesFor(calls, trail, otherModels);
}

function createSeries(trail: Trail, model: string): CallSeries {
  const operation = operations[trail.callKind] ?? trail.callKind;
  return {
    labels:
      `gen_ai_operation_name="${operation}",gen_ai_request_model="${escaped(model)}",` +
      `upstream="${escaped(trail.upstream)}"`,
    duration: new Histogram(secondsBounds),
    firstToken: new Histogram(secondsBounds),
    input: new Histogram(tokenBounds),
    output: new Histogram(tokenBounds),
    costNanoUsd: 0,
    excessNanoUsd: 0,
  };
}

function renderCounter(
  name: string,
  help: string,
  counts: Iterable<readonly [labels: string, value: number]>,
): string {
  const lines = [...counts].map(([labels, value]) => `${name}{${labels}} ${value}\n`);
  return head(name, 'counter', help) + lines.join('');
}

function renderCalls(calls: readonly CallSeries[]): string {
  const duration = 'gen_ai_server_request_duration_seconds';
  const firstToken = 'gen_ai_server_time_to_first_token_seconds';
  const tokens = 'gen_ai_client_token_usage';
  const cost = 'millrace_cost_usd_total';
  const excess = 'millrace_cost_beyond_reserved_usd_total';
  return [
    head(duration, 'histogram', 'From the request to the last byte of its answer.'),
    ...calls.map((series) => series.duration.render(duration, series.labels)),
    head(firstToken, 'histogram', 'From the request to the first content, for streams.'),
    ...calls.map((series) => series.firstToken.render(firstToken, series.labels)),
    head(tokens, 'histogram', 'Tokens of an exchange, as the upstream counted them.'),
    ...calls.map((series) => series.input.render(tokens, `${series.labels},gen_ai_token_type="input"`)),
    ...calls.map((series) => series.output.render(tokens, `${series.labels},gen_ai_token_type="output"`)),
    head(cost, 'counter', 'What exchanges cost, in US dollars.'),
    ...calls.map((series) => `${cost}{${series.labels}} ${series.costNanoUsd / nanoPerUsd}\n`),
    head(excess, 'counter', 'What exchanges cost beyond what budgets had set aside for them, in US dollars.'),
    ...calls.map((series) => `${excess}{${series.labels}} ${series.excessNanoUsd / nanoPerUsd}\n`),
  ].join('');
}

function renderGauges(sources: MetricsSources): string {
  const gauge = (name: string, help: string, value: number) =>
    `${head(name, 'gauge', help)}${name} ${value}\n`;
  const upstreams = sources.upstreams();
  const state = upstreams.map(
    (upstream) =>
      `millrace_upstream_state{upstream="${escaped(upstream.name)}",state="${upstream.state}"} 1\n`,
  );
  const occupied = upstreams.map(
    (upstream) => `millrace_upstream_in_flight{upstream="${escaped(upstream.name)}"} ${upstream.inFlight}\n`,
  );
  const degraded = Object.entries(sources.degraded()).map(
    ([dependency, away]) => `millrace_degraded{dependency="${dependency}"} ${away ? 1 : 0}\n`,
  );
  return [
    gauge('millrace_in_flight', 'Requests being served.', sources.inFlight()),
    gauge('millrace_queue_depth', 'Requests waiting for a slot.', sources.queued()),
    gauge(
      'millrace_contents_lost',
      'Prompts and answers that were to be kept and could not be.',
      sources.contentsLost(),
    ),
    gauge('millrace_spool_lost', 'Finished exchanges that could not be kept.', sources.spoolLost()),
    gauge(
      'millrace_conversation_turns_lost',
      'Turns of conversations that could not be kept.',
      sources.turnsLost(),
    ),
    gauge('millrace_retries_refused', 'Retries that were not made: too many were.', sources.retriesRefused()),
    gauge(
      'millrace_wrong_keys_held',
      'Callers without a known key who were told so only in their turn: too many came.',
      sources.wrongKeysHeld(),
    ),
    gauge('millrace_alerts_lost', 'Notices of alerts that a receiver did not take.', sources.alertsLost()),
    head('millrace_degraded', 'gauge', '1 for what cannot be reached.'),
    ...degraded,
    gauge('process_resident_memory_bytes', 'Memory in use.', process.memoryUsage.rss()),
    head('millrace_upstream_state', 'gauge', '1 for the state that an upstream is in.'),
    ...state,
    head('millrace_upstream_in_flight', 'gauge', 'Requests that occupy an upstream.'),
    ...occupied,
  ].join('');
}

function head(name: string, type: string, help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
