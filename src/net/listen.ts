import type { Server } from 'node:net';

/** Connections that wait to be taken, where the system allows as many. */
const backlog = 4096;

export function listen(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
