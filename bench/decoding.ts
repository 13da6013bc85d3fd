/**
 * What decoding together is worth on the llama.cpp engine: 8 requests at once against the same 8 one after another,
 * `node bench/decoding.ts [threads,threads] [tokens] [rounds]`. The tests' tiny model fits the processor's cache, so
 * what is around the arithmetic counts most. What people run is read from memory for every token, and so are
 * the larger ones, a layer of the shape that models of seven billion weights have: they are made here and deleted.
 * Rounds take turns, and of each the ratio is taken: on a machine that others use, only that and processor time can be compared.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Agent, request } from 'undici';
import { type GgufShape, writeGguf } from '../test/upstream/tiny-gguf.ts';
import { spreadOf } from './statistics.ts';
import { tellGoal } from './tell-goal.ts';

const slots = 8;
const threadCounts = (process.argv[2] ?? '1').split(',');
const tokens = Number(process.argv[3] ?? 16);
const rounds = Number(process.argv[4] ?? 5);
const serverFile = join(import.meta.dirname, '../engines/llamacpp/server.ts');
const large = { dimensions: 4096, feedForward: 11_008, layers: 1, heads: 32 } as const;
const models: Readonly<Record<string, GgufShape>> = {
  'tiny, float32': { dimensions: 64, feedForward: 128, layers: 2, heads: 4 },
  'large, Q8_0': { ...large, matrices: 'q8_0' },
  'large, bfloat16': { ...large, matrices: 'bf16' },
  'large, float16': { ...large, matrices: 'f16' },
};

/** What most people run is of this kind. */
const usual: keyof typeof models = 'large, Q8_0';
const goal = 2.5;

interface Spent {
  readonly wallMs: number;
  readonly cpuMs: number;
}

interface Round {
  readonly apart: Spent;
  readonly together: Spent;
  readonly sequencesInBatch: number;
}

const folder = mkdtempSync(join(tmpdir(), 'millrace-decoding-'));
const agent = new Agent({ connections: slots });
const machine = `${cpus()[0]?.model}, ${availableParallelism()} cores`;
console.log(`${machine}, ${slots} slots, ${tokens} tokens each, medians of ${rounds} rounds\n`);
console.log(
  '| model | MB | threads | sequences in a batch | apart | together | by the clock | by CPU time |',
);
console.log('|---|--:|--:|--:|--:|--:|--:|--:|');
try {
  for (const [name, shape] of Object.entries(models)) {
    const path = join(folder, 'model.gguf');
    writeGguf(path, shape);
    const megabytes = (statSync(path).size / 1e6).toFixed(1);
    for (const threads of threadCounts) {
      const measured = await measure(path, threads);
      console.log(`| ${name} | ${megabytes} | ${threads} | ${rowOf(measured)} |`);
      if (name !== usual) continue;
      const found = fasterOf(measured);
      const text = `${slots} sequences together, of one after another: ${name}, ${megabytes} MB, ${threads} threads`;
      tellGoal({ text, bound: `≥ ${goal}`, found, isMet: found >= goal });
    }
  }
} finally {
  await agent.close();
  rmSync(folder, { recursive: true });
}

async function measure(model: string, threads: string): Promise<readonly Round[]> {
  const args = ['--port', '0', '--model', model, '--slots', String(slots), '--context', '512'];
  const child = spawn(process.execPath, [serverFile, ...args, '--threads', threads], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface(child.stdout), 'line');
  const { port } = JSON.parse(line as string) as { port: number };
  const pid = child.pid ?? 0;
  const one = (index: number) => complete(port, index);
  const all = () => Promise.all(Array.from({ length: slots }, (_, index) => one(index)));
  await all();
  const measured: Round[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const apart = await spent(pid, async () => {
      for (let index = 0; index < slots; index += 1) await one(index);
    });
    const before = await decoded(port);
    const together = await spent(pid, all);
    const after = await decoded(port);
    const sequencesInBatch = (after.sequences - before.sequences) / (after.batches - before.batches);
    measured.push({ apart, together, sequencesInBatch });
  }
  child.stdin.end();
  await once(child, 'exit');
  return measured;
}

function rowOf(measured: readonly Round[]): string {
  const rate = (ms: number) => ((slots * tokens * 1000) / ms).toFixed(0);
  return [
    median(measured.map(({ sequencesInBatch }) => sequencesInBatch)).toFixed(2),
    `${rate(median(measured.map(({ apart }) => apart.wallMs)))}/s`,
    `${rate(median(measured.map(({ together }) => together.wallMs)))}/s`,
    `${fasterOf(measured).toFixed(2)} times`,
    `${median(measured.map(({ apart, together }) => apart.cpuMs / together.cpuMs)).toFixed(2)} times`,
  ].join(' | ');
}

function fasterOf(measured: readonly Round[]): number {
  return median(measured.map(({ apart, together }) => apart.wallMs / together.wallMs));
}

function median(values: readonly number[]): number {
  return spreadOf(values)?.median ?? Number.NaN;
}

async function spent(pid: number, run: () => Promise<unknown>): Promise<Spent> {
  const cpu = cpuMsOf(pid);
  const startedMs = performance.now();
  await run();
  return { wallMs: performance.now() - startedMs, cpuMs: cpuMsOf(pid) - cpu };
}

/** As Linux counts it, in hundredths of a second. */
function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function decoded(port: number): Promise<{ readonly batches: number; readonly sequences: number }> {
  const { body } = await request(`http://127.0.0.1:${port}/props`);
  const { decoded } = (await body.json()) as { decoded: { batches: number; sequences: number } };
  return decoded;
}

async function complete(port: number, index: number): Promise<void> {
  const { statusCode, body } = await request(`http://127.0.0.1:${port}/v1/completions`, {
    method: 'POST',
    dispatcher: agent,
    headersTimeout: 0,
    bodyTimeout: 0,
    body: JSON.stringify({ prompt: `${index} tells`, max_tokens: tokens, temperature: 0 }),
  });
  const text = await body.text();
  if (statusCode !== 200) throw new Error(text);
}
