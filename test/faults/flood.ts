/**
 * A flood of keys that are none of ours, at a constant rate, to one gateway or to several in turn: `node
 * test/faults/flood.ts URL,URL ADDRESSES FOR_MS`. In a process of
 * its own, so that whoever measures others meanwhile is not held up by it. Tells when it has begun, for a process that starts
 * is felt by all; and at its end how many got which status.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { makeKey } from '../../src/identity/api-key.ts';

const [urls = '', addresses = '1', forMs = '1000'] = process.argv.slice(2);
const gateways = urls.split(',').map((url) => new URL(url));
const perSecond = 5_000;
/** Often: so many at once would hold up others more than as many one after another. */
const everyMs = 2;
const connections = 8;
/** What is not answered is not piled up without end. */
const unansweredMax = 10_000;

const statuses: Record<string, number> = {};
let sent = 0;
let answered = 0;

const sockets = Array.from({ length: connections }, (_, at) => {
  const { port = '', hostname = '' } = gateways[at % gateways.length] ?? {};
  const socket = connect(Number(port), hostname).setEncoding('latin1');
  let rest = '';
  socket.on('data', (text: string) => {
    const all = rest + text;
    for (const [, status = ''] of all.matchAll(/HTTP\/1\.1 (\d{3}) /g)) {
      statuses[status] = (statuses[status] ?? 0) + 1;
      answered += 1;
    }
    // A head that was cut in two is counted with what comes next, and none twice.
    const lastHead = all.lastIndexOf('HTTP/1.1 ');
    rest = all.slice(Math.max(all.length - 12, lastHead + 9));
  });
  socket.on('error', (error) => {
    statuses[error.message] = (statuses[error.message] ?? 0) + 1;
  });
  return socket;
});

await Promise.all(sockets.map((socket) => once(socket, 'connect')));
process.stdout.write('begun\n');
const startMs = performance.now();
while (performance.now() - startMs < Number(forMs)) {
  const due = Math.min(
    ((performance.now() - startMs) * perSecond) / 1000 - sent,
    unansweredMax - (sent - answered),
  );
  for (let count = 0; count < due; count += 1) ask();
  await pause(everyMs);
}
const endMs = performance.now() + 2_000;
while (answered < sent && performance.now() < endMs) await pause(everyMs);
for (const socket of sockets) socket.destroy();
process.stdout.write(`${JSON.stringify({ sent, statuses })}\n`);

function ask(): void {
  const from = sent % Number(addresses);
  sockets[sent % connections]?.write(
    // Without a body: one that is not read costs whoever sends it the connection.
    `GET /v1/models HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer ${makeKey()}\r\n` +
      `x-forwarded-for: 198.18.${from >> 8}.${from & 255}\r\n\r\n`,
  );
  sent += 1;
}
