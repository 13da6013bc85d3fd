/** Which models an Ollama server holds in memory, by `/api/ps`, and how it is asked to load or unload one. */
import type { Keeping, KeepWish, ResidentModel } from '../../core/fleet.ts';
import { asObject } from '../../core/json-object.ts';
import type { UpstreamRequest } from '../../core/transport.ts';

const headers = ['content-type', 'application/json'] as const;
const modelsMax = 1_000;

/** Engines of our own tell in the same words. Whoever asks their one model loads it, and it stays while they run. */
export const ownKeeping: Keeping = { path: '../api/ps', read, ask: askOwn };

export const ollamaKeeping: Keeping = { path: '/api/ps', read, ask };

function read(body: unknown): readonly ResidentModel[] {
  const list = asObject(body)?.['models'];
  if (!Array.isArray(list)) return [];
  return list.slice(0, modelsMax).flatMap((entry) => {
    const row = asObject(entry);
    const name = row?.['name'] ?? row?.['model'];
    if (row === undefined || typeof name !== 'string') return [];
    const bytes = countOf(row['size']);
    const gpuBytes = countOf(row['size_vram']);
    return [{ name, bytes, gpuBytes, untilMs: momentOf(row['expires_at']) }];
  });
}

function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 ? value : undefined;
}

function momentOf(value: unknown): number | undefined {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/** Such a model runs in Ollama's own cloud and costs money: nobody loads it. */
const inTheCloud = /[-:]cloud$/;

/** `generate` knows models that write, `embed` those that embed. */
function ask({ model, keepAliveMs, prompt }: KeepWish): readonly UpstreamRequest[] {
  if (inTheCloud.test(model)) return [];
  const kept = keepAliveMs === undefined ? {} : { keep_alive: keepAliveMs === 0 ? 0 : `${keepAliveMs}ms` };
  const one = prompt === undefined ? {} : { prompt, options: { num_predict: 1 } };
  return [
    post('/api/generate', { model, stream: false, ...one, ...kept }),
    post('/api/embed', { model, input: prompt ?? [], ...kept }),
  ];
}

/** In OpenAI's dialect: a model that writes, else one that embeds. */
function askOwn({ model, keepAliveMs, prompt = 'hello' }: KeepWish): readonly UpstreamRequest[] {
  if (keepAliveMs === 0) return [];
  return [
    post('/completions', { model, prompt, max_tokens: 1 }),
    post('/embeddings', { model, input: prompt }),
  ];
}

function post(path: string, body: object): UpstreamRequest {
  return { method: 'POST', path, headers, body: JSON.stringify(body) };
}
