// The figures that Millrace is to reach, as data; every run says which of them it met.

export interface Goal {
  readonly cell: string;
  readonly figure: string;
  readonly text: string;
  /** The figure itself, what it is above the direct path, or its ratio to a contestant's. */
  readonly of: 'itself' | 'added' | 'floor' | 'portkey';
  readonly atMost?: number;
  readonly atLeast?: number;
}

export const goals: readonly Goal[] = [
  { cell: 'passthrough', figure: 'cpuUs', of: 'floor', atMost: 1.6, text: 'CPU a request, of the floor’s' },
  { cell: 'passthrough', figure: 'cpuUs', of: 'portkey', atMost: 0.1, text: 'CPU a request, of Portkey’s' },
  { cell: 'passthrough', figure: 'perSecond', of: 'portkey', atLeast: 10, text: 'requests/s, of Portkey’s' },
  { cell: 'latency', figure: 'p50Us', of: 'added', atMost: 500, text: 'added p50 at concurrency 1, µs' },
  {
    cell: 'latency',
    figure: 'slowestP50Ms',
    of: 'itself',
    atMost: 5,
    text: 'no 40 ms stall: slowest p50, ms',
  },
  {
    cell: 'first-token',
    figure: 'p99Us',
    of: 'added',
    atMost: 1_000,
    text: 'added first token p99, 100 streams, µs',
  },
  {
    cell: 'chunks',
    figure: 'cpuUsPerEvent',
    of: 'floor',
    atMost: 1.5,
    text: 'CPU a streamed chunk, of the floor’s',
  },
  {
    cell: 'chunks',
    figure: 'pacedCpuUsPerEvent',
    of: 'floor',
    atMost: 1.5,
    text: 'CPU a streamed chunk at its own pace, of the floor’s',
  },
  {
    cell: 'long-prompt',
    figure: 'cpuUs',
    of: 'floor',
    atMost: 1.6,
    text: 'CPU of a 96 KB prompt, of the floor’s',
  },
  { cell: 'start', figure: 'startMs', of: 'itself', atMost: 500, text: 'process start to first 200, ms' },
  { cell: 'start', figure: 'idleRssMb', of: 'itself', atMost: 110, text: 'idle RSS, MB' },
  {
    cell: 'idle-connections',
    figure: 'rssMb',
    of: 'itself',
    atMost: 512,
    text: 'RSS with 10,000 idle connections, MB',
  },
  { cell: 'streams-held', figure: 'held', of: 'itself', atLeast: 5_000, text: 'streams held' },
  {
    cell: 'streams-held',
    figure: 'stallMaxMs',
    of: 'itself',
    atMost: 200,
    text: 'worst stall of a held stream, ms',
  },
  {
    cell: 'streams-held',
    figure: 'kbPerStream',
    of: 'itself',
    atMost: 60,
    text: 'memory of a held stream, KB',
  },
];
