/**
 * What a request over a transport costs while others of it are held open: `node bench/held-open.ts [held] [rounds]`.
 * Transport and server are one process, so that only the ratio of the two tells something.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHttpTransport } from '../src/net/http-transport.ts';

const held = Number(process.argv[2] ?? 4_000);
const rounds = Number(process.argv[3] ?? 30);
const requestsARound = 100;
const openedAtOnce = 50;

const server = createServer((request, response) => {
  if (request.url === '/held') response.writeHead(200).write('begun');
  else response.end('done');
}).listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
const origin = `http://127.0.0.1:${port}`;

function openTransport() {
  const bounds = { connections: held + 10, idleMax: held, connectMs: 30_000, keepAliveMs: 60_000 };
  const transport = createHttpTransport({ origin, basePath: '', headers: [], ...bounds });
  return (path: string, until: 'begun' | 'ended') =>
    new Promise<void>((resolve, reject) => {
      const head = () => {
        if (until === 'begun') resolve();
      };
      transport.send(
        { method: 'GET', path, headers: [] },
        { sent: () => {}, head, data: () => {}, end: resolve, fail: reject },
      );
    });
}

const alone = openTransport();
const beside = openTransport();
for (let open = 0; open < held; open += openedAtOnce) {
  await Promise.all(
    Array.from({ length: Math.min(openedAtOnce, held - open) }, () => beside('/held', 'begun')),
  );
}

async function usOf(ask: typeof alone): Promise<number> {
  const before = process.cpuUsage();
  for (let asked = 0; asked < requestsARound; asked += 1) await ask('/', 'ended');
  const { user, system } = process.cpuUsage(before);
  return (user + system) / requestsARound;
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
const found: { alone: number; beside: number }[] = [];
for (let round = -5; round < rounds; round += 1) {
  const sample = { alone: await usOf(alone), beside: await usOf(beside) };
  if (round >= 0) found.push(sample);
}
const tell = (name: string, values: number[]) =>
  console.log(name, 'median', median(values).toFixed(1), 'least', Math.min(...values).toFixed(1), 'us');
tell(
  'alone          ',
  found.map((one) => one.alone),
);
tell(
  `beside ${held}`.padEnd(15),
  found.map((one) => one.beside),
);
console.log('ratio within a round, median', median(found.map((one) => one.beside / one.alone)).toFixed(2));
process.exit();
