import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readUtilisation } from './utilisation.ts';

test('dcgm-exporter tells of all GPUs: their mean use, and their memory together', () => {
  const { utilisation } = readUtilisation(
    [
      '# TYPE DCGM_FI_DEV_GPU_UTIL gauge',
      'DCGM_FI_DEV_GPU_UTIL{gpu="0",modelName="NVIDIA A100 {80GB}"} 90',
      'DCGM_FI_DEV_GPU_UTIL{gpu="1"} 30',
      'DCGM_FI_DEV_FB_USED{gpu="0"} 1024',
      'DCGM_FI_DEV_FB_USED{gpu="1"} 1024',
      'DCGM_FI_DEV_FB_FREE{gpu="0"} 3072',
      'DCGM_FI_DEV_FB_FREE{gpu="1"} 3072',
    ].join('\n'),
    undefined,
  );
  assert.equal(utilisation.gpuPercent, 60);
  assert.equal(utilisation.gpuUsedBytes, 2 * 1024 ** 3);
  assert.equal(utilisation.gpuTotalBytes, 8 * 1024 ** 3);
  assert.equal(utilisation.cpuPercent, undefined);
});

test('nvidia_gpu_exporter tells ratios and totals', () => {
  const { utilisation } = readUtilisation(
    'nvidia_smi_utilization_gpu_ratio{uuid="x"} 0.42\nnvidia_smi_memory_used_bytes{uuid="x"} 10\n' +
      'nvidia_smi_memory_total_bytes{uuid="x"} 40 1763500000000\r\n',
    undefined,
  );
  assert.equal(utilisation.gpuPercent, 42);
  assert.deepEqual([utilisation.gpuUsedBytes, utilisation.gpuTotalBytes], [10, 40]);
});

test('node_exporter tells of processors by what has passed between two pages', () => {
  const page = (idle: number, busy: number) =>
    `node_cpu_seconds_total{cpu="0",mode="idle"} ${idle}\nnode_cpu_seconds_total{cpu="0",mode="user"} ${busy}\n` +
    'node_memory_MemTotal_bytes 8e9\nnode_memory_MemAvailable_bytes 2e9\n';
  const first = readUtilisation(page(100, 50), undefined);
  assert.equal(first.utilisation.cpuPercent, undefined, 'one page alone says nothing');
  assert.deepEqual([first.utilisation.memoryUsedBytes, first.utilisation.memoryTotalBytes], [6e9, 8e9]);
  const second = readUtilisation(page(106, 54), first.cpu);
  assert.equal(second.utilisation.cpuPercent, 40);
  assert.equal(readUtilisation(page(1, 1), second.cpu).utilisation.cpuPercent, undefined, 'it was restarted');
});

test('what is no such page tells nothing', () => {
  for (const page of ['', '<html></html>', '__proto__ 1\nconstructor{} 2', 'DCGM_FI_DEV_GPU_UTIL NaN']) {
    const { utilisation, cpu } = readUtilisation(page, undefined);
    assert.ok(
      Object.values(utilisation).every((value) => value === undefined),
      page,
    );
    assert.equal(cpu, undefined);
  }
});
