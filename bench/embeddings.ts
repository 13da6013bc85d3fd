/**
 * What sending embeddings together is worth: `node bench/embeddings.ts [seconds]`. A server works on one call at a time, for
 * 8 ms and a quarter more for each input; 32 clients ask for one input each, over sockets, through the whole gateway.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { openTestGateway } from '../test/gateway.ts';
import { tellGoal } from './tell-goal.ts';

const callMs = 8;
const inputMs = 0.25;
const clients = 32;
const forMs = Number(process.argv[2] ?? 4) * 1_000;

let line = Promise.resolve();
let inputsSeen = 0;
const server = createServer(async (incoming, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  if (incoming.method === 'GET') return void response.end('{"object":"list","data":[]}');
  const { input } = JSON.parse(Buffer.concat(chunks).toString()) as { input: string | string[] };
  const inputs = typeof input === 'string' ? [input] : input;
  inputsSeen += inputs.length;
  line = line.then(() => setTimeout(callMs + inputMs * inputs.length));
  await line;
  const data = inputs.map((_, index) => ({ object: 'embedding', index, embedding: [index] }));
  const usage = { prompt_tokens: inputs.length, total_tokens: inputs.length };
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ object: 'list', model: 'm', data, usage }));
});
await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;

const apart = await measure({ maxBatch: 1 });
const together = await measure({ maxBatch: 8, maxWaitMs: 50 });
console.log(`${clients} clients, one slot, ${callMs} ms a call and ${inputMs} ms an input`);
console.log(`apart ${apart.perSecond.toFixed(0)}/s, together ${together.perSecond.toFixed(0)}/s`);
console.log(
  `${(together.perSecond / apart.perSecond).toFixed(2)} times; kept for company: ${told(together.keptMs)}`,
);
const ratio = together.perSecond / apart.perSecond;
const waitMs = together.keptMs[Math.floor(together.keptMs.length * 0.99)] ?? 0;
tellGoal({ text: 'batched embeddings, of unbatched', bound: '≥ 3', found: ratio, isMet: ratio >= 3 });
tellGoal({
  text: 'batched embeddings: added wait, p99, ms',
  bound: '≤ 10',
  found: waitMs,
  isMet: waitMs <= 10,
});
server.close();
server.closeAllConnections();

async function measure(batching: object): Promise<{ perSecond: number; keptMs: number[] }> {
  const gateway = await openTestGateway({
    config: {
      upstreams: { one: { type: 'openai', url, slots: 1 } },
      models: { e: { targets: [{ upstream: 'one', model: 'm' }] } },
      batching,
    },
  });
  const agent = new Agent({ connections: clients });
  const untilMs = performance.now() + forMs;
  let served = 0;
  const seenBefore = inputsSeen;
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      while (performance.now() < untilMs) {
        const { statusCode, body } = await request(`${gateway.url}/v1/embeddings`, {
          method: 'POST',
          dispatcher: agent,
          headers: { authorization: `Bearer ${gateway.key}` },
          // Equal ones would share a call without a batch.
          body: JSON.stringify({ model: 'e', input: `short text ${served} of ${client}` }),
        });
        const text = await body.text();
        if (statusCode !== 200) throw new Error(text);
        served += 1;
      }
    }),
  );
  // Equal requests would have shared a call, and the same work would have been measured twice: once that made it 1.08 times.
  if (inputsSeen - seenBefore < served)
    throw new Error('requests were answered that no server has worked on');
  await agent.close();
  await gateway.close();
  const keptMs = gateway.exchangeLines.map(
    (text) => (JSON.parse(text) as { gatheredMs?: number }).gatheredMs ?? 0,
  );
  return { perSecond: (served * 1_000) / forMs, keptMs: keptMs.sort((one, other) => one - other) };
}

function told(sorted: readonly number[]): string {
  const at = (share: number) => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(1);
  return `median ${at(0.5)} ms, p99 ${at(0.99)} ms`;
}
