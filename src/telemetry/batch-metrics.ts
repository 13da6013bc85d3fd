/** Calls upstream that were sent for several requests: for how many, and how long those were kept for it. */
import { Histogram } from './histogram.ts';

export interface BatchMetrics {
  joined(): void;
  left(): void;
  sent(gatheredMs: readonly number[]): void;
  parted(): void;
  render(): string;
}

const requestBounds = [2, 4, 8, 16, 32, 64, 128, 256];
const secondsBounds = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];

export function createBatchMetrics(): BatchMetrics {
  const size = new Histogram(requestBounds);
  const wait = new Histogram(secondsBounds);
  let parted = 0;
  let requests = 0;
  return {
    joined: () => {
      requests += 1;
    },
    left: () => {
      requests -= 1;
    },
    sent: (gatheredMs) => {
      size.observe(gatheredMs.length);
      for (const waitedMs of gatheredMs) wait.observe(waitedMs / 1000);
    },
    parted: () => {
      parted += 1;
    },
    render: () =>
      head(
        'millrace_batched_requests',
        'gauge',
        'Requests that wait for others to be sent with, or were sent so.',
      ) +
      `millrace_batched_requests ${requests}\n` +
      head('millrace_batch_size', 'histogram', 'Requests in calls that were sent for several.') +
      size.render('millrace_batch_size', '') +
      head(
        'millrace_batch_wait_seconds',
        'histogram',
        'How long a request was kept for the others of its call.',
      ) +
      wait.render('millrace_batch_wait_seconds', '') +
      head(
        'millrace_batches_parted_total',
        'counter',
        'Calls refused upstream whose requests were sent one by one.',
      ) +
      `millrace_batches_parted_total ${parted}\n`,
  };
}

function head(name: string, type: string, help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}
