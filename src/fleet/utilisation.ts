/** How busy a machine is, read from the page that its exporter shows to Prometheus. */

export interface Utilisation {
  /** Each undefined where the page does not tell. The mean over all GPUs, their memory together. */
  readonly gpuPercent: number | undefined;
  readonly gpuUsedBytes: number | undefined;
  readonly gpuTotalBytes: number | undefined;
  /** Over all processors, since the page before. */
  readonly cpuPercent: number | undefined;
  readonly memoryUsedBytes: number | undefined;
  readonly memoryTotalBytes: number | undefined;
}

/** What a page said that only the difference to the next one tells anything about. */
export interface CpuSeconds {
  readonly idle: number;
  readonly all: number;
}

export interface ReadPage {
  readonly utilisation: Utilisation;
  readonly cpu: CpuSeconds | undefined;
}

type Facts = 'gpuPercent' | 'gpuUsed' | 'gpuFree' | 'gpuTotal' | 'memoryAvailable' | 'memoryTotal';

interface Meaning {
  readonly fact: Facts;
  /** In percent, or in bytes. */
  readonly factor: number;
}

const mebibyte = 1024 * 1024;

/** dcgm-exporter, nvidia_gpu_exporter, nvidia_gpu_prometheus_exporter and node_exporter, in this order. */
const meanings: Readonly<Record<string, Meaning>> = {
  DCGM_FI_DEV_GPU_UTIL: { fact: 'gpuPercent', factor: 1 },
  DCGM_FI_DEV_FB_USED: { fact: 'gpuUsed', factor: mebibyte },
  DCGM_FI_DEV_FB_FREE: { fact: 'gpuFree', factor: mebibyte },
  nvidia_smi_utilization_gpu_ratio: { fact: 'gpuPercent', factor: 100 },
  nvidia_smi_memory_used_bytes: { fact: 'gpuUsed', factor: 1 },
  nvidia_smi_memory_total_bytes: { fact: 'gpuTotal', factor: 1 },
  nvidia_gpu_duty_cycle: { fact: 'gpuPercent', factor: 1 },
  nvidia_gpu_memory_used_bytes: { fact: 'gpuUsed', factor: 1 },
  nvidia_gpu_memory_total_bytes: { fact: 'gpuTotal', factor: 1 },
  node_memory_MemAvailable_bytes: { fact: 'memoryAvailable', factor: 1 },
  node_memory_MemTotal_bytes: { fact: 'memoryTotal', factor: 1 },
};
const cpuSeconds = 'node_cpu_seconds_total';
const idleMode = /\bmode="(?:idle|iowait)"/;
/** `name{labels} value`, and perhaps a time. */
const sample = /^([A-Za-z_:][\w:]*)(\{.*\})?\s+(\S+)/;
const meanFacts: ReadonlySet<Facts> = new Set(['gpuPercent']);

export function readUtilisation(page: string, before: CpuSeconds | undefined): ReadPage {
  const sums = new Map<Facts, { sum: number; count: number }>();
  let cpu: { idle: number; all: number } | undefined;
  for (const line of page.split('\n')) {
    const [, name = '', labels = '', text = ''] = sample.exec(line) ?? [];
    const value = Number(text);
    if (!Number.isFinite(value)) continue;
    const meaning = Object.hasOwn(meanings, name) ? meanings[name] : undefined;
    if (meaning !== undefined) add(sums, meaning, value);
    if (name !== cpuSeconds) continue;
    cpu ??= { idle: 0, all: 0 };
    cpu.all += value;
    if (idleMode.test(labels)) cpu.idle += value;
  }
  return { utilisation: utilisationOf(factsOf(sums), cpuPercentOf(before, cpu)), cpu };
}

type Sums = Map<Facts, { sum: number; count: number }>;

function add(sums: Sums, { fact, factor }: Meaning, value: number): void {
  const before = sums.get(fact) ?? { sum: 0, count: 0 };
  sums.set(fact, { sum: before.sum + value * factor, count: before.count + 1 });
}

function factsOf(sums: Sums): Partial<Record<Facts, number>> {
  return Object.fromEntries(
    Array.from(sums, ([fact, { sum, count }]) => [fact, meanFacts.has(fact) ? sum / count : sum]),
  );
}

function utilisationOf(facts: Partial<Record<Facts, number>>, cpuPercent: number | undefined): Utilisation {
  const { gpuPercent, gpuUsed, gpuFree, gpuTotal, memoryAvailable, memoryTotal } = facts;
  return {
    gpuPercent,
    gpuUsedBytes: gpuUsed,
    gpuTotalBytes: gpuTotal ?? total(gpuUsed, gpuFree),
    cpuPercent,
    memoryUsedBytes:
      memoryTotal === undefined || memoryAvailable === undefined ? undefined : memoryTotal - memoryAvailable,
    memoryTotalBytes: memoryTotal,
  };
}

function total(used: number | undefined, free: number | undefined): number | undefined {
  return used === undefined || free === undefined ? undefined : used + free;
}

/** The counters begin anew when the machine does. */
function cpuPercentOf(before: CpuSeconds | undefined, now: CpuSeconds | undefined): number | undefined {
  if (before === undefined || now === undefined || now.all <= before.all) return undefined;
  const idle = Math.max(0, now.idle - before.idle) / (now.all - before.all);
  return Math.max(0, 100 * (1 - idle));
}
