/** A free loopback port that stays free while its server is down. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the ports that systems give to outgoing connections (from 32768 on Linux, from 49152 on macOS): a server that is
 * restarted wants its port back, and nobody's connection may have taken it as its own end in between.
 */
const portMin = 20_000;
const portMax = 32_000;
const triesMax = 100;

export async function freePort(): Promise<number> {
  for (let tried = 0; tried < triesMax; tried += 1) {
    const port = randomInt(portMin, portMax);
    if (await isFree(port)) return port;
  }
  throw new Error(`none of ${triesMax} ports between ${portMin} and ${portMax} is free`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listens = new Promise<boolean>((resolve) => {
    server.once('listening', () => resolve(true)).once('error', () => resolve(false));
  });
  server.listen(port, '127.0.0.1');
  if (!(await listens)) return false;
  server.close();
  await once(server, 'close');
  return true;
}

const portsMax = 3;

/** Opens on a free port; on another one when somebody was faster to take it. */
export async function onFreePort<T>(open: (port: number) => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await open(await freePort());
    } catch (error) {
      if (tried === portsMax || !isPortTaken(error)) throw error;
    }
  }
}

function isPortTaken(error: unknown): boolean {
  return error instanceof Error && /address already in use|port is already allocated/i.test(error.message);
}
