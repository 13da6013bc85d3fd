/** A server that takes many inputs in one call, in OpenAI's words and in Ollama's, and answers when the test lets it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { embed } from './embedding.ts';

export interface MergedRequest {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** As one list, whichever field they stood in. */
  readonly inputs: readonly unknown[];
  isGone: boolean;
}

export interface MergingLlm {
  readonly port: number;
  readonly requests: readonly MergedRequest[];
  /** What it counted over all answers that it gave. */
  readonly tokensTold: number;
  /** Keeps the answers to what comes from now on. */
  hold(): void;
  /** Gives them, and all later ones at once. */
  release(): void;
  /** In place of an answer, for as many requests as there are; undefined answers as usual. */
  scriptNext(...answers: readonly (Scripted | undefined)[]): void;
}

export interface Scripted {
  readonly status?: number;
  /** Changes a whole answer before it is sent. */
  readonly change?: (answer: Answer) => unknown;
}

interface Answer {
  data?: unknown[];
  choices?: unknown[];
  embeddings?: unknown[];
}

/** Whoever says this is refused, alone or in company. */
export const poison = 'poison';
/** Whoever says this gets no answer: the connection breaks. */
export const breaker = 'breaker';
const json = { 'content-type': 'application/json' };

export async function openMergingLlm(t: Pick<TestContext, 'after'>): Promise<MergingLlm> {
  const requests: MergedRequest[] = [];
  const scripts: (Scripted | undefined)[] = [];
  let held: (() => void)[] | undefined;
  let tokensTold = 0;
  const answer = (request: MergedRequest, response: ServerResponse) => {
    const scripted = scripts.shift();
    const isPoisoned = request.inputs.includes(poison);
    const status = scripted?.status ?? (isPoisoned ? 400 : 200);
    response.writeHead(status, json);
    if (status !== 200) return void response.end('{"error":{"message":"not that"},"type":"invalid"}');
    const tokens = request.inputs.reduce<number>((sum, input) => sum + countOf(input), 0);
    tokensTold += tokens;
    const whole = answerTo(request, tokens);
    response.end(JSON.stringify(scripted?.change?.(whole) ?? whole));
  };
  const server = createServer(async (incoming, response) => {
    if (incoming.method === 'GET') return void response.end('{"object":"list","data":[],"models":[]}');
    const request = await read(incoming);
    requests.push(request);
    response.once('close', () => {
      request.isGone = !response.writableFinished;
    });
    if (request.inputs.includes(breaker)) response.socket?.resetAndDestroy();
    else if (held === undefined) answer(request, response);
    else held.push(() => answer(request, response));
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    get tokensTold() {
      return tokensTold;
    },
    hold: () => {
      held ??= [];
    },
    release: () => {
      const waiting = held ?? [];
      held = undefined;
      for (const give of waiting) give();
    },
    scriptNext: (...answers) => void scripts.push(...answers),
  };
}

async function read(incoming: IncomingMessage): Promise<MergedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const body = JSON.parse(Buffer.concat(chunks).toString()) as Readonly<Record<string, unknown>>;
  const input = body['input'] ?? body['prompt'];
  const isOne = typeof input === 'string' || typeof (input as unknown[])[0] === 'number';
  return { path: incoming.url ?? '', body, inputs: isOne ? [input] : (input as unknown[]), isGone: false };
}

/** Words, or token ids. */
export const countOf = (input: unknown): number =>
  typeof input === 'string' ? input.split(' ').length : (input as unknown[]).length;

export const vectorOf = (input: unknown): readonly number[] => embed(String(input), 4);

function answerTo({ path, inputs }: MergedRequest, tokens: number): Answer {
  if (path === '/api/embed') {
    return { embeddings: inputs.map(vectorOf), ...{ model: 'm', prompt_eval_count: tokens } };
  }
  const usage = {
    prompt_tokens: tokens,
    completion_tokens: path.endsWith('/embeddings') ? 0 : inputs.length,
    total_tokens: tokens,
  };
  if (path.endsWith('/embeddings')) {
    const data = inputs.map((input, index) => ({ object: 'embedding', index, embedding: vectorOf(input) }));
    return { data, ...{ object: 'list', model: 'm', usage } };
  }
  const choices = inputs.map((input, index) => ({ index, text: `after ${input}`, finish_reason: 'stop' }));
  return { choices, ...{ id: 'c', object: 'text_completion', created: 1, model: 'm', usage } };
}
