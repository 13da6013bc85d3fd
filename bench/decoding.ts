/**
 * What decoding together is worth on the llama.cpp engine: 8 requests at once against the same 8 one after another,
 * `node bench/decoding.ts [threads] [tokens]`. Once with the tests' tiny model, where what is around the arithmetic
 * counts most, and once with a larger one of random weights, which is made here and deleted. Processor time stands beside
 * the time of the clock, because on a machine that others use only that can be compared.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Agent, request } from 'undici';
import { type GgufShape, writeGguf } from '../test/upstream/tiny-gguf.ts';

const slots = 8;
const threads = process.argv[2] ?? '1';
const tokens = Number(process.argv[3] ?? 64);
const rounds = 3;
const serverFile = join(import.meta.dirname, '../engines/llamacpp/server.ts');
const models: Readonly<Record<string, GgufShape>> = {
  'tiny, 0.5 MB of float32': { dimensions: 64, feedForward: 128, layers: 2, heads: 4 },
  'random, 86 MB of bfloat16': { dimensions: 768, feedForward: 2048, layers: 6, heads: 12, matrices: 'bf16' },
};

interface Spent {
  readonly wallMs: number;
  readonly cpuMs: number;
}

const folder = mkdtempSync(join(tmpdir(), 'millrace-decoding-'));
const agent = new Agent({ connections: slots });
const machine = `${cpus()[0]?.model}, ${availableParallelism()} cores`;
console.log(`${machine}, ${threads} threads, ${slots} slots, ${tokens} tokens each, best of ${rounds}`);
try {
  for (const [name, shape] of Object.entries(models)) await measure(name, shape);
} finally {
  await agent.close();
  rmSync(folder, { recursive: true });
}

async function measure(name: string, shape: GgufShape): Promise<void> {
  const model = join(folder, 'model.gguf');
  writeGguf(model, shape);
  const args = ['--port', '0', '--model', model, '--slots', String(slots), '--context', '512'];
  const child = spawn(process.execPath, [serverFile, ...args, '--threads', threads], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface(child.stdout), 'line');
  const { port } = JSON.parse(line as string) as { port: number };
  const pid = child.pid ?? 0;
  const all = (run: (index: number) => Promise<void>) =>
    Promise.all(Array.from({ length: slots }, (_, index) => run(index)));
  const one = (index: number) => complete(port, index);
  await all(one);
  const apart: Spent[] = [];
  const together: Spent[] = [];
  for (let round = 0; round < rounds; round += 1) {
    apart.push(
      await spent(pid, async () => {
        for (let index = 0; index < slots; index += 1) await one(index);
      }),
    );
    const before = await decoded(port);
    together.push(await spent(pid, () => all(one)));
    const after = await decoded(port);
    const each = (after.sequences - before.sequences) / (after.batches - before.batches);
    console.log(`${name}: ${each.toFixed(2)} sequences in a batch`);
  }
  for (const kind of ['wallMs', 'cpuMs'] as const) {
    const [slow, fast] = [apart, together].map((runs) => Math.min(...runs.map((run) => run[kind])));
    const rates = [slow, fast].map((ms) => ((slots * tokens * 1000) / (ms ?? 1)).toFixed(0));
    const ratio = ((slow ?? 0) / (fast ?? 1)).toFixed(2);
    console.log(`${name}, by ${kind}: apart ${rates[0]}, together ${rates[1]} tokens/s, ${ratio} times`);
  }
  child.stdin.end();
  await once(child, 'exit');
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
