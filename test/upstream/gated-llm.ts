/** A server of OpenAI's dialect that answers when the test lets it, and counts what it was asked. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export interface GatedLlm {
  readonly url: string;
  readonly asked: number;
  /** Holds back what it has to say: a whole answer, or a stream's second half. */
  shut(): void;
  open(): void;
  /** Of the next answers; whoever is refused may come again at once. */
  answerWith(status: number): void;
}

const text = ['one ', 'two ', 'three'];

export async function openGatedLlm(t: Pick<TestContext, 'after'>): Promise<GatedLlm> {
  let asked = 0;
  let status = 200;
  let isOpen = true;
  const waiting: (() => void)[] = [];
  const pass = (say: () => void) => (isOpen ? say() : waiting.push(say));
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (request.method === 'GET') return void response.end('{"object":"list","data":[]}');
    asked += 1;
    const { stream } = JSON.parse(Buffer.concat(chunks).toString()) as { stream?: boolean };
    if (status !== 200) return void response.writeHead(status, refused).end('{"error":{"message":"no"}}');
    if (stream === true) streamTo(response, asked, pass);
    else pass(() => response.writeHead(200, json).end(JSON.stringify(wholeAnswer(asked))));
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    get asked() {
      return asked;
    },
    shut: () => {
      isOpen = false;
    },
    open: () => {
      isOpen = true;
      for (const say of waiting.splice(0)) say();
    },
    answerWith: (next) => {
      status = next;
    },
  };
}

const json = { 'content-type': 'application/json' };
/** A 429 that names no time has the server left alone for a second. */
const refused = { ...json, 'retry-after': '0' };

function wholeAnswer(serial: number) {
  const message = { role: 'assistant', content: text.join('') };
  return {
    id: `answer-${serial}`,
    object: 'chat.completion',
    created: 1,
    model: 'gated',
    choices: [{ index: 0, message, finish_reason: 'stop' }],
    usage: { prompt_tokens: 3, completion_tokens: 3, total_tokens: 6 },
  };
}

function streamTo(response: ServerResponse, serial: number, pass: (say: () => void) => void): void {
  const event = (delta: object, finish: string | null) => {
    const choices = [{ index: 0, delta, finish_reason: finish }];
    const chunk = {
      id: `answer-${serial}`,
      object: 'chat.completion.chunk',
      created: 1,
      model: 'gated',
      choices,
    };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  };
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  event({ role: 'assistant', content: text[0] }, null);
  pass(() => {
    for (const content of text.slice(1)) event({ content }, null);
    event({}, 'stop');
    response.end('data: [DONE]\n\n');
  });
}
