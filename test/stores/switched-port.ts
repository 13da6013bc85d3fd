/** A port that leads to one server and then to another, or, for who came before, to none. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

export interface SwitchedPort {
  readonly port: number;
  /** From now on new connections lead there. */
  to(port: number): void;
  /** What is open stays open, and nothing comes through: a firewall that forgot. */
  swallow(): void;
}

export async function switchTo(t: TestContext, first: number): Promise<SwitchedPort> {
  let port = first;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => sockets.delete(socket));
      socket.pipe(other);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('it listens nowhere');
  return {
    port: address.port,
    to: (next) => {
      port = next;
    },
    swallow: () => {
      for (const socket of sockets) socket.unpipe().resume();
    },
  };
}
