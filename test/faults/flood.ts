/**
 * Floods of keys that are none of ours, at a constant rate, to one server or to several in turn: each line of its input is
 * the JSON of a `Flood`, and answered by two, when it has begun and what came of it. In a process of its own, so that whoever
 * measures others meanwhile is not held up by it, and one for all of them, because a process that starts is felt by all.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { makeKey } from '../../src/identity/api-key.ts';

export interface Flood {
  readonly urls: readonly string[];
  /** From how many, as a proxy tells. */
  readonly addresses: number;
  readonly forMs: number;
  /** Whether each comes on a connection of its own; else they come one behind another on a few that are kept open. */
  readonly fresh: boolean;
}

export interface Flooded {
  readonly sent: number;
  readonly statuses: Readonly<Record<string, number>>;
}

const perSecond = 5_000;
/** Often: so many at once would hold up others more than as many one after another. */
const everyMs = 2;
const keptConnections = 8;
/** What is not answered is not piled up without end. */
const unansweredMax = 10_000;

class Flooding {
  readonly #flood: Flood;
  readonly #statuses: Record<string, number> = {};
  readonly #sockets = new Set<Socket>();
  #kept: readonly Socket[] = [];
  #sent = 0;
  #answered = 0;

  constructor(flood: Flood) {
    this.#flood = flood;
  }

  async open(): Promise<void> {
    if (this.#flood.fresh) return;
    this.#kept = Array.from({ length: keptConnections }, (_, at) => this.#connect(at));
    await Promise.all(this.#kept.map((socket) => once(socket, 'connect')));
  }

  async run(): Promise<Flooded> {
    const startMs = performance.now();
    while (performance.now() - startMs < this.#flood.forMs) {
      const due = Math.min(
        ((performance.now() - startMs) * perSecond) / 1_000 - this.#sent,
        unansweredMax - (this.#sent - this.#answered),
      );
      for (let count = 0; count < due; count += 1) this.#ask();
      await pause(everyMs);
    }
    for (const socket of this.#sockets) socket.resetAndDestroy();
    return { sent: this.#sent, statuses: this.#statuses };
  }

  #ask(): void {
    const from = this.#sent % this.#flood.addresses;
    const socket = this.#kept[this.#sent % keptConnections] ?? this.#connect(this.#sent);
    // Without a body: one that is not read costs whoever sends it the connection.
    socket.write(
      `GET /v1/models HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer ${makeKey()}\r\n` +
        `x-forwarded-for: 198.18.${from >> 8}.${from & 255}\r\n\r\n`,
    );
    this.#sent += 1;
  }

  #connect(at: number): Socket {
    const { urls, fresh } = this.#flood;
    const { port, hostname } = new URL(urls[at % urls.length] ?? '');
    const socket = connect(Number(port), hostname).setEncoding('latin1');
    let rest = '';
    socket.on('data', (text: string) => {
      const all = rest + text;
      for (const [, status = ''] of all.matchAll(/HTTP\/1\.1 (\d{3}) /g)) this.#count(status);
      // A head that was cut in two is counted with what comes next, and none twice.
      const lastHead = all.lastIndexOf('HTTP/1.1 ');
      rest = all.slice(Math.max(all.length - 12, lastHead + 9));
      // A polite end would leave the port taken for a minute.
      if (fresh) socket.resetAndDestroy();
    });
    socket.on('error', (error) => this.#count(error.message));
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  }

  #count(status: string): void {
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
    this.#answered += 1;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const flooding = new Flooding(JSON.parse(line) as Flood);
  await flooding.open();
  process.stdout.write('begun\n');
  process.stdout.write(`${JSON.stringify(await flooding.run())}\n`);
}
