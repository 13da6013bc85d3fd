/** Tries an address without keeping it. */
import { createServer } from 'node:net';
import type { ListenAddress } from '../net/listen-address.ts';

/** The system's code for why nobody can listen there; nothing when it is free. */
export function tryToListen({ host, port }: ListenAddress): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
