import { createServer, type Server } from 'node:net';

/** Connections that wait to be taken, where the system allows as many. */
const backlog = 4096;

export interface ListenPlace {
  readonly host: string;
  readonly port: number;
  /** Whether other processes of ours listen there too, and the kernel shares connections out among us. */
  readonly reusePort?: boolean | undefined;
}

export function listen(server: Server, { host, port, reusePort }: ListenPlace): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog, ...(reusePort === true ? { reusePort } : {}) }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Rejects as `listen` would. Who shares a place would not notice that others share it with somebody else. */
export async function assertFree(place: ListenPlace): Promise<void> {
  const trial = createServer();
  await listen(trial, place);
  await new Promise((resolve) => trial.close(resolve));
}
