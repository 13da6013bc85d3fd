/** `millrace bench`: loads a running gateway for a while and tells what its clients would have felt. */
import type { Histogram } from '../bench/histogram.ts';
import { runLoad } from '../bench/load.ts';
import type { LoadResult } from '../bench/load-tally.ts';
import { findClients } from './client.ts';
import { flagOption, type Given, numberOption, textOption } from './given.ts';
import type { Invocation } from './invocation.ts';
import { formatTable } from './table.ts';

const defaults = {
  connections: 8,
  seconds: 10,
  maxTokens: 32,
  prompt: 'Tell me about water wheels.',
} as const;

export async function run(invocation: Invocation, given: Given): Promise<number> {
  const model = given.words[0] ?? 'simulator';
  const { url, key, trust } = await findClients(invocation, given);
  const rate = numberOption(given, 'rate', { min: 0.01, max: 100_000 });
  const seconds = numberOption(given, 'seconds', { min: 1, max: 3_600 }) ?? defaults.seconds;
  const connections = numberOption(given, 'connections', { min: 1, max: 10_000 }) ?? defaults.connections;
  const stream = !flagOption(given, 'whole');
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.once('SIGINT', interrupt);
  const json = flagOption(given, 'json');
  const result = await runLoad({
    url: `${url}/chat/completions`,
    ...(trust === undefined ? {} : { trust }),
    ...(key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } }),
    body: JSON.stringify({
      model,
      messages: [{ role: 'user', content: textOption(given, 'prompt') ?? defaults.prompt }],
      max_tokens: numberOption(given, 'maxTokens', { min: 1, max: 1_000_000 }) ?? defaults.maxTokens,
      stream,
    }),
    expect: stream ? 'sse' : 'whole',
    arrivals: rate === undefined ? { kind: 'closed' } : { kind: 'rate', perSecond: rate },
    connections: Math.floor(connections),
    durationMs: seconds * 1000,
    signal: stop.signal,
  });
  process.off('SIGINT', interrupt);
  invocation.write(
    json
      ? JSON.stringify({ url, model, seconds, connections, rate, stream, ...result })
      : tell(result, stream),
  );
  if (result.isAborted) return 130;
  return result.completed === 0 || result.failed > 0 ? 1 : 0;
}

function tell(result: LoadResult, stream: boolean): string {
  const { completed, failed, unfinished, elapsedMs, completedPerSecond, events } = result;
  const rows = [
    ['whole answer', result.total],
    ...(stream ? ([['first content', result.firstContent]] as const) : []),
    ['first byte', result.firstByte],
    ...(stream ? ([['between chunks', result.gaps]] as const) : []),
  ] as const;
  const trouble = Object.entries(result.errors).filter(([, count]) => count > 0);
  return [
    `${completed} answers in ${(elapsedMs / 1000).toFixed(1)} s, ${completedPerSecond.toFixed(1)} a second` +
      `${stream ? `, ${((events / elapsedMs) * 1000).toFixed(1)} events a second` : ''}; ${failed} failed, ${unfinished} unfinished`,
    '',
    formatTable(
      ['MILLISECONDS', 'MEDIAN', 'P90', 'P99', 'MAX'],
      rows.map(([name, histogram]) => [name, ...quantiles(histogram)]),
    ),
    ...(trouble.length === 0
      ? []
      : ['', `failures: ${trouble.map(([kind, count]) => `${kind} ${count}`).join(', ')}`]),
    ...(failed === 0
      ? []
      : [
          `statuses: ${Object.entries(result.statuses)
            .map(([status, count]) => `${status} ${count}`)
            .join(', ')}`,
        ]),
  ].join('\n');
}

function quantiles(histogram: Histogram): string[] {
  if (histogram.count === 0) return ['-', '-', '-', '-'];
  const times = [
    histogram.percentile(50),
    histogram.percentile(90),
    histogram.percentile(99),
    histogram.maxUs,
  ];
  return times.map((us) => (us / 1000).toFixed(us < 100_000 ? 2 : 0));
}
