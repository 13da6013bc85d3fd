/** A server of OpenAI's dialect with a pace: whole answers after a while, streams event by event. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export interface Pace {
  readonly answerMs: number;
  readonly events: number;
  readonly everyMs: number;
}

export interface PacedLlm {
  readonly url: string;
  /** From now on streams come to their end, those under way too. */
  end(): void;
}

export async function openPacedLlm(t: Pick<TestContext, 'after'>, given: Pace): Promise<PacedLlm> {
  let pace = given;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (request.method === 'GET') return void response.end('{"object":"list","data":[{"id":"counted"}]}');
    const { stream } = JSON.parse(Buffer.concat(chunks).toString()) as { stream?: boolean };
    if (stream === true) streamTo(response, () => pace);
    else setTimeout(() => response.writeHead(200, json).end(whole), pace.answerMs);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    end: () => {
      pace = { ...pace, events: 0 };
    },
  };
}

const json = { 'content-type': 'application/json' };
const facts = { id: 'paced', created: 1, model: 'counted' };

const whole = JSON.stringify({
  ...facts,
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'said' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
});

function streamTo(response: ServerResponse, pace: () => Pace): void {
  const send = (delta: object, finish: string | null) => {
    const choices = [{ index: 0, delta, finish_reason: finish }];
    response.write(`data: ${JSON.stringify({ ...facts, object: 'chat.completion.chunk', choices })}\n\n`);
  };
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let sent = 0;
  const timer = setInterval(() => {
    sent += 1;
    send({ content: `${sent} ` }, null);
    if (sent < pace().events) return;
    clearInterval(timer);
    send({}, 'stop');
    response.end('data: [DONE]\n\n');
  }, pace().everyMs);
  response.once('close', () => clearInterval(timer));
}
