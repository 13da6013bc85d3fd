/** A server of OpenAI's dialect that takes its time, and remembers how many it ever worked for at once. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export interface CountingLlm {
  readonly url: string;
  readonly port: number;
  readonly served: number;
  /** The most at once since it was last asked. */
  takeMost(): number;
  /** How long the next answers take. */
  takeMs(ms: number): void;
  /** Cuts everything and refuses everybody, until it is opened again. */
  shut(): Promise<void>;
  open(): Promise<void>;
}

export async function openCountingLlm(t: Pick<TestContext, 'after'>, answerMs = 20): Promise<CountingLlm> {
  let workMs = answerMs;
  let atOnce = 0;
  let most = 0;
  let served = 0;
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      response.end('{"object":"list","data":[{"id":"counted"}]}');
      return;
    }
    request.resume();
    atOnce += 1;
    most = Math.max(most, atOnce);
    // Before the last byte: whoever has read it may send the next one.
    const done = () => {
      atOnce -= 1;
      clearTimeout(timer);
    };
    response.once('close', () => {
      if (!response.writableEnded) done();
    });
    const timer = setTimeout(() => {
      done();
      served += 1;
      response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
    }, workMs);
  });
  const open = (port: number) =>
    new Promise<void>((ready, failed) => {
      server.once('error', failed);
      server.listen(port, '127.0.0.1', ready);
    });
  await open(0);
  const { port } = server.address() as AddressInfo;
  const shut = () =>
    new Promise<void>((done) => {
      server.close(() => done());
      server.closeAllConnections();
    });
  t.after(() => (server.listening ? shut() : undefined));
  return {
    url: `http://127.0.0.1:${port}/v1`,
    port,
    get served() {
      return served;
    },
    takeMost: () => {
      const was = most;
      most = atOnce;
      return was;
    },
    takeMs: (ms) => {
      workMs = ms;
    },
    shut,
    open: () => open(port),
  };
}

const answer = JSON.stringify({
  id: 'answer',
  object: 'chat.completion',
  created: 1,
  model: 'counted',
  choices: [{ index: 0, message: { role: 'assistant', content: 'counted' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
});
