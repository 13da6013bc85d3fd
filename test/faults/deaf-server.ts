/** A server whose kernel takes no more connections: connecting to it neither succeeds nor fails. */
import { spawn } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';

export interface DeafServer {
  readonly port: number;
  /** Takes connections from now on; whoever still waits gets through. */
  listen(): void;
  /** The first lines of the requests that reached it. */
  requests(): readonly string[];
  close(): Promise<void>;
}

const program = `
  const server = require('node:net').createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => process.stdout.write(String(data).split('\\r\\n')[0] + '\\n'));
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => process.stdout.write(server.address().port + '\\n'));
`;

export async function openDeafServer(): Promise<DeafServer> {
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  child.stdout.setEncoding('utf8');
  const started = new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
  child.stdout.on('data', (text: string) => lines.push(...text.split('\n').filter((line) => line !== '')));
  await started;
  const port = Number(lines.shift());
  child.kill('SIGSTOP');
  const fillers = await fillBacklog(port);
  return {
    port,
    listen: () => void child.kill('SIGCONT'),
    requests: () => lines,
    close: async () => {
      for (const socket of fillers) socket.destroy();
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
    },
  };
}

const silentMs = 150;
const fillersMax = 16;

/** Connects until a connection gets no answer any more. */
async function fillBacklog(port: number): Promise<readonly Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < fillersMax) {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => {});
    sockets.push(socket);
    const connected = new Promise<boolean>((resolve) => socket.once('connect', () => resolve(true)));
    if (!(await Promise.race([connected, setTimeout(silentMs, false)]))) return sockets;
  }
  throw new Error(`the kernel took ${fillersMax} connections beyond the backlog`);
}
