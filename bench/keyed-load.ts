// Requests that carry keys, from a process of its own: each of them once, or as many as are asked for by one key or by any.
// Started with `ipc`; answers each order when all of it is answered.
import { Agent, type IncomingMessage, request } from 'node:http';
import { shortPrompt } from './payloads.ts';

export interface KeyedOrder {
  readonly url: string;
  /** Absent where those of the last order are meant. */
  readonly keys?: readonly string[];
  readonly by: 'each' | 'one' | 'any';
  readonly requests: number;
}

const connections = 64;
/** What a key has spent before is asked of the ledger when it first comes, which on a busy machine may take too long. */
const triesMax = 10;
const agent = new Agent({ keepAlive: true, maxSockets: connections });
let keys: readonly string[] = [];

async function obey(order: KeyedOrder): Promise<void> {
  keys = order.keys ?? keys;
  let sent = 0;
  const pick = { each: () => sent - 1, one: () => 0, any: () => Math.floor(Math.random() * keys.length) };
  const lane = async () => {
    while (sent < order.requests) {
      sent += 1;
      const key = keys[pick[order.by]()] ?? '';
      let status = await ask(order.url, key);
      for (let again = 0; status === 503 && again < triesMax; again += 1) status = await ask(order.url, key);
      if (status !== 200) throw new Error(`the gateway answered ${status}`);
    }
  };
  await Promise.all(Array.from({ length: connections }, lane));
}

function ask(url: string, key: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const headers = {
    authorization: `Bearer ${key}`,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(shortPrompt),
    // Limits do not hold on loopback: as if it came through a proxy.
    'x-forwarded-for': '192.0.2.7',
  };
  const answered = (reply: IncomingMessage) =>
    void reply
      .resume()
      .on('end', () => resolve(reply.statusCode ?? 0))
      .on('error', reject);
  request(url, { agent, method: 'POST', headers }, answered).on('error', reject).end(shortPrompt);
  return promise;
}

process.on('message', (order: KeyedOrder) => {
  obey(order).then(
    () => process.send?.({}),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
