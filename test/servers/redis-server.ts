/** A real Redis (or Valkey) for tests, on a free loopback port, that keeps nothing. */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { runSecret } from '../run-canary.ts';
import { launchContainer } from './container.ts';
import { onFreePort } from './free-port.ts';
import { processControl } from './process-tree.ts';
import { type Provided, provideServer } from './provide-server.ts';
import {
  bareEnvironment,
  endProcess,
  type Launch,
  makeServerFolder,
  openServerProcess,
  type ServerProcess,
} from './server-process.ts';

export interface RedisServer extends ServerProcess {
  readonly url: string;
  readonly port: number;
}

export interface RedisServerOptions {
  /** Further arguments, such as `--maxmemory 10mb`. */
  readonly config?: readonly string[];
}

/** Its restart gives an empty server on the same port. */
export async function openRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const provided = await provideServer('redis');
  // A password, so that no other server that happens to have the port is taken for this one.
  const password = `${runSecret('redis')}${randomBytes(8).toString('hex')}`;
  return await onFreePort(async (port) => {
    const settings = [
      '--requirepass',
      password,
      '--save',
      '',
      '--appendonly',
      'no',
      ...(options.config ?? []),
    ];
    const isReady = () => answersPing(port, password);
    const server = await openServerProcess({ ...launch(provided, port, settings), isReady });
    return Object.assign(server, { url: `redis://default:${password}@127.0.0.1:${port}`, port });
  });
}

function launch(provided: Provided, port: number, settings: readonly string[]): Omit<Launch, 'isReady'> {
  if (provided.way === 'container') {
    return launchContainer({
      kind: 'redis',
      engine: provided.engine,
      ports: [port, 6379],
      environment: {},
      args: ['redis-server', ...settings],
      quitSignal: 'SIGTERM',
    });
  }
  const folder = makeServerFolder('redis', undefined);
  const where = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
  return {
    folder,
    command: [provided.program.path, ...where, ...settings],
    user: undefined,
    environment: bareEnvironment(folder),
    // It keeps nothing: there is nothing to put in order first.
    ending: endProcess('KILL'),
    control: processControl('SIGTERM'),
  };
}

function answersPing(port: number, password: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.setTimeout(1000, () => socket.destroy());
    socket.once('error', () => socket.destroy());
    socket.once('close', () => resolve(answer === '+OK\r\n+PONG\r\n'));
    socket.on('data', (bytes: Buffer) => {
      answer += bytes.toString('latin1');
      if (answer.startsWith('-') || answer.includes('PONG')) socket.destroy();
    });
    socket.write(`AUTH ${password}\r\nPING\r\n`);
  });
}
