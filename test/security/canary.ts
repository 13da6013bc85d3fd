/** A listener on loopback that nobody may reach: it counts who connects. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { TestContext } from 'node:test';

export interface Canary {
  readonly port: number;
  readonly connections: number;
}

/** On all of the machine's addresses, so that no spelling of loopback misses it. */
export async function openCanary(t: TestContext): Promise<Canary> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.on('error', () => {});
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\ncaught');
  });
  server.listen(0, '::');
  await once(server, 'listening');
  t.after(() => server.close());
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
  };
}
