// A server over sockets that works on so many requests at once and lets the others wait. What the work is stands in the first message.
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Work {
  readonly id: number;
  readonly workMs: number;
  /** What of the prompt the server may have in memory already, and what reading it takes. */
  readonly promptMs?: number;
}

export interface WorkingServerOptions {
  readonly slots: number;
  readonly models: readonly string[];
  /** Holds one model at a time, as Ollama does, and takes so long to load another one. */
  readonly loadMs?: number;
}

export interface Done extends Work {
  readonly tookMs: number;
  readonly endedMs: number;
  readonly wasRead: boolean;
}

export class WorkingServer {
  readonly done: Done[] = [];
  loads = 0;
  readonly #options: WorkingServerOptions;
  readonly #server: Server;
  readonly #read = new Set<number>();
  readonly #waiting: (() => void)[] = [];
  #busy = 0;
  #held = '';

  constructor(options: WorkingServerOptions) {
    this.#options = options;
    this.#server = createServer(async (incoming, outgoing) => {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
      if (incoming.method === 'GET') return void outgoing.end(this.#listing(incoming.url ?? ''));
      this.#waiting.push(() => this.#work(Buffer.concat(chunks), outgoing));
      this.#next();
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((ready) => this.#server.listen(0, '127.0.0.1', ready));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #next(): void {
    if (this.#busy < this.#options.slots) this.#waiting.shift()?.();
  }

  #work(body: Buffer, outgoing: ServerResponse): void {
    const asked = JSON.parse(body.toString()) as { model: string; messages?: { content: string }[] };
    const work = JSON.parse(asked.messages?.[0]?.content ?? '{"id":0,"workMs":0}') as Work;
    const { loadMs = 0 } = this.#options;
    const isLoad = loadMs > 0 && this.#held !== asked.model;
    const wasRead = this.#read.has(work.id);
    const { promptMs = 0 } = work;
    const tookMs = (isLoad ? loadMs : 0) + work.workMs + (wasRead ? 0 : promptMs);
    if (isLoad) this.loads += 1;
    this.#held = asked.model;
    this.#read.add(work.id);
    this.#busy += 1;
    let isOver = false;
    const end = () => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      this.#busy -= 1;
      this.#next();
    };
    const timer = setTimeout(() => {
      this.done.push({ ...work, tookMs, endedMs: performance.now(), wasRead });
      outgoing.setHeader('content-type', loadMs > 0 ? 'application/x-ndjson' : 'application/json');
      outgoing.end(loadMs > 0 ? ollamaAnswer(asked.model, work, isLoad ? loadMs : 0) : openaiAnswer(work));
      end();
    }, tookMs);
    // Cut off: nobody wants it any more.
    outgoing.once('close', end);
  }

  #listing(url: string): string {
    const { models, loadMs } = this.#options;
    if (loadMs === undefined)
      return JSON.stringify({ object: 'list', data: models.map((id) => ({ id, object: 'model' })) });
    const names = url === '/api/ps' ? models.filter((model) => model === this.#held) : models;
    return JSON.stringify({ models: names.map((name) => ({ name, model: name, size: 1, size_vram: 1 })) });
  }
}

/** An answer has so many tokens as it takes milliseconds. */
export function openaiAnswer({ workMs }: Pick<Work, 'workMs'>): string {
  const tokens = Math.ceil(workMs);
  return JSON.stringify({
    id: 'a',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content: 'done' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 1, completion_tokens: tokens, total_tokens: tokens + 1 },
  });
}

function ollamaAnswer(model: string, { workMs }: Work, loadMs: number): string {
  const answer = {
    model,
    created_at: '2026-01-01T00:00:00Z',
    message: { role: 'assistant', content: 'done' },
    done: true,
    done_reason: 'stop',
    load_duration: loadMs * 1e6,
    prompt_eval_count: 1,
    eval_count: Math.ceil(workMs),
  };
  return `${JSON.stringify(answer)}\n`;
}
